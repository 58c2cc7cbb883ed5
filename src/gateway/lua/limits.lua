-- How many requests a client may make (render-limits.ts), as nginx's limit_req and limit_conn count. Of each kind an entry of the table holds the time, in microseconds
-- of 32 bits, at which all that was let in has had its time; 0 is none.

local SPAN = 1 << 32

-- The key by which the client is counted; nil where it is not.
local function limit_key(txn, limits)
  if is_from(txn, limits[3]) then return nil end
  return limits[2] .. "|" .. txn.f:src()
end

-- What is to be written down; nil where it is too much.
local function spend(rate, before, now)
  local each, burst = tonumber(rate[1]), tonumber(rate[2])
  local ahead = before == 0 and 0 or (before - now) % SPAN
  if ahead >= SPAN // 2 then ahead = 0 end
  if ahead > burst then return nil end
  local at = (now + ahead + each) % SPAN
  return at == 0 and 1 or at
end

core.register_action("limit", { "http-req" }, function(txn)
  local limits = (txn:get_priv() or {}).limits
  if limits == nil then return end
  local most = tonumber(limits[4])
  if most and txn.f:sc_conn_cur(0) > most then return answer(txn, 503, {}) end
  local time = core.now()
  local now = (time.sec * 1000000 + time.usec) % SPAN
  local found = {}
  for index, name in ipairs({ "txn.second", "txn.minute" }) do
    local rate = limits[4 + index]
    if #rate > 0 then
      found[name] = spend(rate, txn.f:sc_get_gpt(index - 1, 0), now)
      if found[name] == nil then return answer(txn, 503, {}) end
    end
  end
  for name, at in pairs(found) do txn:set_var(name, at) end
end)
