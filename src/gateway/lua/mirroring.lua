-- Copies of requests for other backends, whose answers nobody waits for.

-- Of one thread: what a slow mirror holds is bounded.
local MOST_AT_ONCE = 200
local under_way = 0

core.register_action("mirror", { "http-req" }, function(txn)
  local method = ASKED[txn.f:method()]
  local body = txn.f:req_body() or ""
  local headers = txn.http:req_get_headers()
  local length = headers["content-length"]
  -- A part of a body would be another request: what is longer than HAProxy's buffer, or does not say how long it is, is not copied.
  local is_whole = #body == tonumber(length and length[0] or 0)
  if method == nil or not is_whole then return end
  for _, backend in ipairs((txn:get_priv() or {}).mirrors or {}) do
    if under_way >= MOST_AT_ONCE then return end
    local asked = question(txn, backend, txn.f:pathq(), copied_headers(txn, nil))
    if #body > 0 then asked.body = body end
    under_way = under_way + 1
    core.register_task(function()
      local client = core.httpclient()
      pcall(client[method], client, asked)
      under_way = under_way - 1
    end)
  end
end)
