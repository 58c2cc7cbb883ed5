-- Requests of our own to backends, by HAProxy's client in Lua and a frontend that takes the backend's name on trust.

-- What the client of 2.6 can send.
local ASKED = { GET = "get", HEAD = "head", POST = "post", PUT = "put", DELETE = "delete" }
-- What is about the connection or the length of one message is none of another's.
local OWN = {
  ["host"] = true, ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
  ["te"] = true, ["expect"] = true, ["keep-alive"] = true, ["x-fairlead-backend"] = true, ["x-fairlead-wait"] = true,
}

-- The request's headers, or those of them that are named.
local function copied_headers(txn, names)
  local headers = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    if not OWN[name] and (names == nil or names[name]) then
      headers[name] = {}
      for i = 0, #values do headers[name][i + 1] = values[i] end
    end
  end
  return headers
end

local function question(txn, backend, path, headers)
  headers["x-fairlead-backend"] = { backend }
  local host = txn.http:req_get_headers()["host"]
  local url = "http://" .. (host and host[0] or "unnamed") .. path
  return { url = url, headers = headers, dst = "unix@" .. folder .. "/ask.sock" }
end
