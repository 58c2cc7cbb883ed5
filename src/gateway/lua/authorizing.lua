-- Somebody else says whether a request may go on: over HTTP, or by gRPC in the messages of envoy.service.auth.v3. Whatever is not understood is a no.

-- In milliseconds.
local AUTHORITY_WAIT = 10000
-- Bytes of a body that can be shown: what the buffer holds beside headers, those too that come to them.
local MOST_SHOWN = tonumber("@shown@")

-- Of the answer's own content; nothing of the request that goes on.
local function is_of_content(name)
  return name:match("^content%-") ~= nil
end

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  return set
end

-- Nothing where some of it is missing, or more than may be shown.
local function shown_body(txn, most)
  if most == 0 then return "" end
  local body = txn.f:req_body() or ""
  local is_whole = txn.f:internal_htx_has_eom() == 1
  return is_whole and #body <= math.min(most, MOST_SHOWN) and body or nil
end

-- What every authority is asked with, but for its headers.
local function question(txn, filter, body)
  local host = txn.http:req_get_headers()["host"]
  return {
    method = txn.f:method(), host = host and host[0], path = filter[4] .. txn.f:pathq(), length = #body, wait = AUTHORITY_WAIT,
  }
end

local function refuse(txn, status, headers, body)
  return answer(txn, status, headers or {}, body)
end

local function ask_by_http(txn, filter, body)
  local about = question(txn, filter, body)
  local names = set_of(filter[5])
  names["authorization"] = true
  about.headers = copied_headers(txn.http:req_get_headers(), names)
  local head = head_of(filter[3], about)
  local said = head and answer_to(head, { body }, about)
  if said == nil then return refuse(txn, 503) end
  if said.status ~= 200 then
    local headers = {}
    for name, values in pairs(said.headers) do
      for _, value in ipairs(OWN[name] and {} or values) do headers[#headers + 1] = { name, value } end
    end
    return refuse(txn, said.status >= 300 and said.status or 403, headers, said.body)
  end
  local allowed = set_of(filter[6])
  -- What the client says under these names counts for nothing.
  for name in pairs(allowed) do txn.http:req_del_header(name) end
  for name, values in pairs(said.headers) do
    if allowed[name] or (#filter[6] == 0 and not OWN[name] and not is_of_content(name)) then
      txn.http:req_del_header(name)
      for _, value in ipairs(values) do txn.http:req_add_header(name, value) end
    end
  end
end

local function address_field(field, ip, port)
  local socket = text_field(2, ip or "") .. number_field(3, port or 0)
  return bytes_field(field, bytes_field(1, bytes_field(1, socket)))
end

-- A header that comes several times is one with all its values (RFC 9110 5.3).
local function joined_headers(txn)
  local joined = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    local list = {}
    for i = 0, #values do list[#list + 1] = values[i] end
    joined[name] = table.concat(list, ",")
  end
  return joined
end

-- CheckRequest.
local function check_request(txn, filter, body)
  local about = question(txn, filter, body)
  local headers = {}
  local allowed = #filter[5] > 0 and set_of(filter[5]) or nil
  local said = joined_headers(txn)
  for name, value in pairs(said) do
    if allowed == nil or allowed[name] then headers[name] = value end
  end
  local scheme = txn:get_var("sess.scheme")
  if allowed == nil then
    headers[":authority"], headers[":method"], headers[":path"] = about.host or "", about.method, about.path
    headers[":scheme"] = scheme
  end
  local http = { text_field(2, about.method) }
  for name, value in pairs(headers) do
    http[#http + 1] = bytes_field(3, text_field(1, name) .. text_field(2, value))
  end
  http[#http + 1] = text_field(4, about.path) .. text_field(5, about.host or "") .. text_field(6, scheme)
  http[#http + 1] = number_field(9, math.tointeger(tonumber(said["content-length"])) or -1)
  http[#http + 1] = text_field(10, "HTTP/" .. (txn.f:req_ver() or "1.1"))
  if #body > 0 then http[#http + 1] = bytes_field(utf8.len(body) and 11 or 12, body) end
  local now = core.now()
  local time = bytes_field(1, number_field(1, now.sec) .. number_field(2, now.usec * 1000))
  local context = address_field(1, txn.f:src(), txn.f:src_port()) .. address_field(2, txn.f:dst(), txn:get_var("sess.port"))
    .. bytes_field(4, time .. bytes_field(2, table.concat(http)))
  local name = scheme == "https" and txn.f:ssl_fc_sni() or ""
  if name ~= "" then context = context .. bytes_field(12, text_field(1, name)) end
  return bytes_field(1, context)
end

-- The message of a call that went well.
local function called(backend, message)
  local body = string.pack(">BI4", 0, #message) .. message
  local about = {
    method = "POST", path = "/envoy.service.auth.v3.Authorization/Check", length = #body, wait = AUTHORITY_WAIT, trailers = true,
    headers = { { "content-type", "application/grpc" } },
  }
  local said = answer_to(head_of(backend, about), { body }, about)
  if said == nil or said.status ~= 200 or said.body == nil or #said.body < 5 then return nil end
  local status = said.trailers["grpc-status"] or said.headers["grpc-status"] or {}
  local is_packed, length = string.unpack(">BI4", said.body)
  if status[1] ~= "0" or is_packed ~= 0 or length ~= #said.body - 5 then return nil end
  return said.body:sub(6)
end

-- HeaderValueOptions as lists: name, value, how it meets one of the name that is there.
local function options_in(list)
  local options = {}
  for _, bytes in ipairs(list) do
    local option = message_in(bytes)
    local header = inner_message(option, 1) or {}
    local name, value = (last_bytes(header, 1) or ""):lower(), last_bytes(header, 2) or last_bytes(header, 3) or ""
    local append, how = inner_message(option, 2), last_number(option, 3) or 0
    -- "The append field defaults to false when used in this message."
    if append then how = (last_number(append, 1) or 0) ~= 0 and 0 or 2 elseif how == 0 then how = 2 end
    if not name:match("^:") and not OWN[name] then
      if not name:match("^[%w!#$%%&'*+.^_`|~-]+$") or value:find("[\r\n\0]") then error("no header") end
      options[#options + 1] = { name, value, how }
    end
  end
  return options
end

local function merge_header(http, side, option)
  local name, value, how = option[1], option[2], option[3]
  local is_there = http[side .. "_get_headers"](http)[name] ~= nil
  if (how == 1 and is_there) or (how == 3 and not is_there) then return end
  http[side .. (how == 0 and "_add_header" or "_set_header")](http, name, value)
end

local function encoded(text)
  return (text:gsub("[^%w._~-]", function(it) return ("%%%02X"):format(it:byte()) end))
end

local function change_query(txn, set, removed)
  if #set == 0 and #removed == 0 then return end
  local gone, pairs_left = set_of(removed), {}
  for _, it in ipairs(set) do gone[it[1]] = true end
  for pair in (txn.f:query() or ""):gmatch("[^&]+") do
    if not gone[url_decoded(pair:match("^[^=]*"))] then pairs_left[#pairs_left + 1] = pair end
  end
  for _, it in ipairs(set) do pairs_left[#pairs_left + 1] = encoded(it[1]) .. "=" .. encoded(it[2]) end
  txn.http:req_set_query(table.concat(pairs_left, "&"))
end

-- What to do, read whole before any of it is done.
local function decision_in(message)
  local response = message_in(message)
  local status, denied, allowed = inner_message(response, 1), inner_message(response, 2), inner_message(response, 3)
  local code = status and last_number(status, 1) or 0
  if code ~= 0 then
    denied = denied or {}
    local number = last_number(inner_message(denied, 1) or {}, 1) or 403
    return {
      status = number >= 200 and number <= 599 and number or 403, headers = options_in(all_bytes(denied, 2)), body = last_bytes(denied, 3),
    }
  end
  allowed = allowed or {}
  local set = {}
  for _, bytes in ipairs(all_bytes(allowed, 7)) do
    local parameter = message_in(bytes)
    set[#set + 1] = { last_bytes(parameter, 1) or "", last_bytes(parameter, 2) or "" }
  end
  return {
    headers = options_in(all_bytes(allowed, 2)), removed = all_bytes(allowed, 5), for_client = options_in(all_bytes(allowed, 6)), parameters = set,
    parameters_removed = all_bytes(allowed, 8),
  }
end

-- Gives what is to be done to the answer.
local function ask_by_grpc(txn, filter, body)
  local message = called(filter[3], check_request(txn, filter, body))
  local is_read, decision = pcall(decision_in, message or "\0")
  if not is_read then return refuse(txn, 503) end
  if decision.status then return refuse(txn, decision.status, decision.headers, decision.body) end
  for _, it in ipairs(decision.headers) do merge_header(txn.http, "req", it) end
  for _, name in ipairs(decision.removed) do
    if not name:match("^:") and not OWN[name:lower()] then txn.http:req_del_header(name) end
  end
  change_query(txn, decision.parameters, decision.parameters_removed)
  if #decision.for_client == 0 then return nil end
  return function(http)
    for _, it in ipairs(decision.for_client) do merge_header(http, "res", it) end
  end
end

-- A filter: kind, protocol, backend, what comes before the path, headers to show, headers of the answer to go on, bytes of the body to show.
local function authorize(txn, filter)
  local body = shown_body(txn, tonumber(filter[7]))
  if body == nil then return refuse(txn, 413) end
  if filter[2] == "grpc" then return ask_by_grpc(txn, filter, body) end
  return ask_by_http(txn, filter, body)
end
