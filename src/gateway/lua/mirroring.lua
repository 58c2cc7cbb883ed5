-- Copies of requests for other backends, whose answers nobody waits for.

-- HAProxy 2.6 can send these itself.
local MIRRORED = { GET = "get", HEAD = "head", POST = "post", PUT = "put", DELETE = "delete" }
-- What is about the connection or the length is the copy's own.
local OWN = {
  ["host"] = true, ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
  ["te"] = true, ["expect"] = true, ["keep-alive"] = true, ["x-fairlead-backend"] = true,
}
-- Of one thread: what a slow mirror holds is bounded.
local MOST_AT_ONCE = 200
local under_way = 0

local function copied_headers(txn, backend)
  local headers = { ["x-fairlead-backend"] = { backend } }
  for name, values in pairs(txn.http:req_get_headers()) do
    if not OWN[name] then
      headers[name] = {}
      for i = 0, #values do headers[name][i + 1] = values[i] end
    end
  end
  return headers
end

core.register_action("mirror", { "http-req" }, function(txn)
  local method = MIRRORED[txn.f:method()]
  local body = txn.f:req_body() or ""
  local headers = txn.http:req_get_headers()
  local host, length = headers["host"], headers["content-length"]
  -- A part of a body would be another request: what is longer than HAProxy's buffer, or does not say how long it is, is not copied.
  local is_whole = #body == tonumber(length and length[0] or 0)
  if method == nil or not is_whole then return end
  local url = "http://" .. (host and host[0] or "unnamed") .. txn.f:pathq()
  for _, backend in ipairs((txn:get_priv() or {}).mirrors or {}) do
    if under_way >= MOST_AT_ONCE then return end
    local asked = { url = url, headers = copied_headers(txn, backend), dst = "unix@" .. folder .. "/ask.sock" }
    if #body > 0 then asked.body = body end
    under_way = under_way + 1
    core.register_task(function()
      local client = core.httpclient()
      pcall(client[method], client, asked)
      under_way = under_way - 1
    end)
  end
end)
