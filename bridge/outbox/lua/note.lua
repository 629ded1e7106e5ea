-- Something to remember about an attempt; a record that was erased meanwhile is not made again.
local id = ARGV[3]
if redis.call('EXISTS', record(id)) == 0 then return 0 end
for i = 4, #ARGV, 2 do redis.call('HSET', record(id), ARGV[i], ARGV[i + 1]) end
return 1
