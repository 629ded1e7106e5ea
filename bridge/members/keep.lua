-- Keep what a look-up found, unless its mark was taken away since it began: then somebody said that it has changed.
local value, mark = unpack(KEYS)
local own, found, life = unpack(ARGV)
if redis.call('GET', mark) ~= own then return 0 end
redis.call('SET', value, found, 'PX', life)
redis.call('DEL', mark)
return 1
