-- Whether a request may pass, asked as nginx's auth_request and ingress-nginx ask: one question at one path, and what comes of its status.

-- By weight, those that lead nowhere too: their share is an error.
local function pick_backend(txn, backends)
  local total = 0
  for _, it in ipairs(backends) do total = total + tonumber(it[2]) end
  if total == 0 then return nil end
  local at = total == 1 and 0 or txn.f:rand(total)
  for _, it in ipairs(backends) do
    at = at - tonumber(it[2])
    if at < 0 then return it end
  end
  return nil
end

-- What nginx's variables are called, and what they hold.
local VARIABLES = {
  scheme = function(txn) return txn:get_var("sess.scheme") end,
  host = function(txn) return txn:get_var("txn.host") end,
  http_host = function(txn) return txn.f:req_hdr("host") end,
  request_uri = function(txn) return txn.f:pathq() end,
  escaped_request_uri = function(txn)
    return (txn.f:pathq():gsub("[^%w._~-]", function(it) return ("%%%02X"):format(it:byte()) end))
  end,
  request_method = function(txn) return txn.f:method() end,
  remote_addr = function(txn) return txn.f:src() end,
}
VARIABLES.pass_access_scheme = VARIABLES.scheme
VARIABLES.best_http_host = VARIABLES.http_host

-- What a client says must not end the word that it is put into.
local function filled(text, txn)
  return (text:gsub("%$([%w_]+)", function(name)
    local value = VARIABLES[name] and VARIABLES[name](txn) or ""
    return (value:gsub("[^!-~]", function(it) return ("%%%02X"):format(it:byte()) end))
  end))
end

local HARMLESS = { ["body-size"] = true, ["cors"] = true, ["request-headers"] = true, ["response-headers"] = true }

-- The backend that the proxy itself has at a path of the request's host, where nothing stands before it.
local function own_backend(txn, request, path)
  local key = txn:get_var("txn.table") or deep_table(txn:get_var("sess.port"), txn:get_var("txn.host") or "")
  local asked = { path = path, method = "GET", headers = request.headers, query = request.query }
  local entry, direct = find_entry(key, asked)
  local rule = entry and tree_of(entry[2])
  if rule == nil or #rule < 6 then return direct end
  for _, filter in ipairs(rule[5]) do
    if not HARMLESS[filter[1]] then return nil end
  end
  local backend = pick_backend(txn, rule[6])
  return backend and backend[1]
end

local function auth_question(txn, filter, request)
  local path = filled(filter[7], txn)
  local backend = filter[2]
  if backend == "itself" then backend = own_backend(txn, request, path:match("^[^?]*")) end
  if backend == nil or backend == "" then return nil end
  local uri, scheme = txn.f:pathq(), txn:get_var("sess.scheme")
  local headers = copied_headers(txn, nil)
  headers["x-forwarded-proto"] = nil
  for name, value in pairs({
    ["x-original-url"] = scheme .. "://" .. (txn.f:req_hdr("host") or "") .. uri,
    ["x-original-uri"] = uri,
    ["x-original-method"] = request.method,
    ["x-scheme"] = scheme,
    ["x-sent-from"] = "nginx-ingress-controller",
    ["x-real-ip"] = txn.f:src(),
    ["x-forwarded-for"] = txn.f:src(),
    ["x-auth-request-redirect"] = filled(filter[8], txn),
    ["x-fairlead-wait"] = "60000",
  }) do headers[name] = { value } end
  local asked = question(txn, backend, path, headers)
  asked.url = "http://" .. filled(filter[6], txn) .. path
  return asked
end

local function values_of(said, name)
  local values, list = said.headers[name] or {}, {}
  for i = 0, #values do list[#list + 1] = values[i] end
  return list
end

local function refuse(txn, filter, said)
  local status = said and tonumber(said.status) or 0
  if status ~= 401 and status ~= 403 then return answer(txn, 500, {}) end
  local headers = {}
  for _, value in ipairs(values_of(said, "set-cookie")) do headers[#headers + 1] = { "set-cookie", value } end
  if status == 401 and filter[9] ~= "" then
    headers[#headers + 1] = { "location", filled(filter[9], txn) }
    return answer(txn, 302, headers)
  end
  for _, value in ipairs(status == 401 and values_of(said, "www-authenticate") or {}) do
    headers[#headers + 1] = { "www-authenticate", value }
  end
  return answer(txn, status, headers)
end

-- Gives what the answer of the backend is to have, or answers itself.
local function ask_auth(txn, filter, request)
  local asked = auth_question(txn, filter, request)
  local client = core.httpclient()
  local method = ASKED[filter[3]] or "get"
  local said = asked and client[method](client, asked)
  local status = said and tonumber(said.status) or 0
  if status < 200 or status > 299 then return refuse(txn, filter, said) end
  for _, name in ipairs(filter[4]) do
    -- What the client says under these names counts for nothing.
    txn.http:req_del_header(name)
    for _, value in ipairs(values_of(said, name)) do txn.http:req_add_header(name, value) end
  end
  local cookies = {}
  for _, value in ipairs(values_of(said, "set-cookie")) do cookies[#cookies + 1] = { "set-cookie", value } end
  if #cookies == 0 then return nil end
  return { "response-headers", {}, cookies, {}, filter[5] == "always" and "" or "good" }
end
