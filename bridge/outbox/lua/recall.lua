-- The board is back: who waited for it is due at once, whoever was kept first before the others. Answers how many.
redis.call('DEL', unpack(shut_keys))
local ids, kept = redis.call('SMEMBERS', awaiting), {}
for _, id in ipairs(ids) do kept[id] = tonumber(redis.call('HGET', record(id), 'kept') or '') or 0 end
table.sort(ids, function(a, b) if kept[a] == kept[b] then return a < b end return kept[a] < kept[b] end)
for nth, id in ipairs(ids) do
  local at = tonumber(redis.call('ZSCORE', due, id) or '')
  if at and at > now then
    redis.call('ZADD', due, now - #ids + nth, id)
    call_worker(own == '' and 'wake' or 'attach-wake', id)
  end
end
redis.call('DEL', awaiting)
return #ids
