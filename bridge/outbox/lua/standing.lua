-- The try of this draft's post that is under way or may stand on the board, if it is another one than the draft itself.
local id = unpack(ARGV, 3)
local first = first_form(redis.call('HGET', record(id), 'form'))
return first and standing_try(first, id)
