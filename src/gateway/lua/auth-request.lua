-- Whether a request may pass, asked as nginx's auth_request and ingress-nginx ask: one question at one path, and what comes of its status.

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

local HARMLESS = {
  ["body-size"] = true, ["cors"] = true, ["request-headers"] = true, ["response-headers"] = true,
  ["client-limits"] = true,
}

-- The backend that the proxy itself has at a path of the request's host, where nothing stands before it.
local function own_backend(txn, path)
  local key = table_and_listener(found_for(txn:get_var("sess.port"), txn:get_var("txn.host") or ""))
  local target = key and maps.paths:lookup(key .. path .. "/#")
  local asked = { text = txn.f:req_hdrs(), method = "GET", path = path, query = txn.f:query() or "" }
  local entry, direct = find_entry(key, target, asked)
  local rule = entry and rule_of(entry.rule)
  if not rule then return direct end
  for _, filter in ipairs(rule.filters) do
    if not HARMLESS[filter[1]] then return nil end
  end
  local backend = pick_backend(rule.choice)
  return backend and backend.slot
end

-- What an authority is told in headers beside the request's own.
local function about_request(txn, filter)
  local uri, scheme = txn.f:pathq(), txn:get_var("sess.scheme")
  return {
    ["x-original-url"] = scheme .. "://" .. (txn.f:req_hdr("host") or "") .. uri,
    ["x-original-uri"] = uri,
    ["x-original-method"] = txn.f:method(),
    ["x-scheme"] = scheme,
    ["x-sent-from"] = "nginx-ingress-controller",
    ["x-real-ip"] = txn.f:src(),
    ["x-forwarded-for"] = txn.f:src(),
    ["x-auth-request-redirect"] = filled(filter[8], txn),
  }
end

-- In milliseconds, for an answer.
local AUTH_WAIT = 60000

-- The answer, or nothing.
local function ask(txn, filter)
  local path = filled(filter[7], txn)
  local backend = filter[2]
  if backend == "itself" then backend = own_backend(txn, path:match("^[^?]*")) end
  if backend == nil or backend == "" then return nil end
  local headers = {}
  local told = about_request(txn, filter)
  for _, it in ipairs(copied_headers(txn.http:req_get_headers(), nil)) do
    if told[it[1]] == nil and it[1] ~= "x-forwarded-proto" then headers[#headers + 1] = it end
  end
  for name, value in pairs(told) do headers[#headers + 1] = { name, value } end
  local method = filter[3] ~= "" and filter[3] or "GET"
  local about = { method = method, host = filled(filter[6], txn), path = path, headers = headers, length = 0, wait = AUTH_WAIT }
  local head = head_of(backend, about)
  return head and answer_to(head, {}, about)
end

local function values_of(said, name)
  return said.headers[name] or {}
end

local function turn_away(txn, filter, said)
  local status = said and said.status or 0
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
local function ask_auth(txn, filter)
  local said = ask(txn, filter)
  local status = said and said.status or 0
  if status < 200 or status > 299 then return turn_away(txn, filter, said) end
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
