-- Requests of our own to backends: HTTP/1.1 to a frontend that takes the backend's name on trust, so that endpoints, TLS and HTTP/2 are HAProxy's. Its own client
-- for Lua knows five methods and stalls with long bodies.

-- What is about the connection or the length of one message is none of another's.
local OWN = {
  ["host"] = true, ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
  ["te"] = true, ["trailer"] = true, ["expect"] = true, ["keep-alive"] = true, ["proxy-connection"] = true, ["http2-settings"] = true,
  ["x-fairlead-backend"] = true, ["x-fairlead-wait"] = true,
}
-- Of an answer's body; HAProxy sends nothing longer than its buffer for us.
local MOST_ANSWERED = 24 * 1024

-- A list of names and values of what HAProxy tells as tables that begin at 0: all headers, or those of them that are named.
local function copied_headers(all, names)
  local headers = {}
  for name, values in pairs(all) do
    if not OWN[name] and (names == nil or names[name]) then
      for i = 0, #values do headers[#headers + 1] = { name, values[i] } end
    end
  end
  return headers
end

-- The head of a request, or nothing where a part of it would be more than its part: HAProxy takes more from clients of HTTP/2 than one line of HTTP/1 holds.
-- `about`: method, host, path (with the query), headers, length of the body or nothing where none is said, wait (in milliseconds, for the backend's answer), trailers.
local function head_of(backend, about)
  if not about.path:match("^/[^%c ]*$") or not about.method:match("^[%w!#$%%&'*+.^_`|~-]+$") then return nil end
  local lines = {
    about.method .. " " .. about.path .. " HTTP/1.1",
    "host: " .. (about.host or "unnamed"), "connection: close", "x-fairlead-backend: " .. backend,
    "x-fairlead-wait: " .. about.wait,
  }
  if about.length then lines[#lines + 1] = "content-length: " .. about.length end
  if about.trailers then lines[#lines + 1] = "te: trailers" end
  for _, it in ipairs(about.headers) do lines[#lines + 1] = it[1] .. ": " .. it[2] end
  for _, line in ipairs(lines) do
    if line:find("[\r\n\0]") then return nil end
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- A socket on which the whole request has been sent, or nothing. The caller closes it.
local function asked(head, pieces, wait)
  local socket = core.tcp()
  socket:settimeout(wait // 1000 + 1)
  local is_sent = socket:connect("unix@" .. folder .. "/ask.sock") and socket:send(head)
  for _, piece in ipairs(pieces) do is_sent = is_sent and socket:send(piece) end
  if is_sent then return socket end
  socket:close()
  return nil
end

-- Sends, and waits for whatever is said to it; a backend that talks without an end is hung up on.
local function tell(head, pieces, wait)
  local socket = asked(head, pieces, wait)
  if socket == nil then return end
  for _ = 1, 256 do
    if socket:receive(4096) == nil then break end
  end
  socket:close()
end

local function read_fields(socket)
  local fields = {}
  for line in function() return socket:receive("*l") end do
    if line == "" then return fields end
    local name, value = line:match("^([^:]+):%s*(.-)%s*$")
    if name then
      name = name:lower()
      fields[name] = fields[name] or {}
      table.insert(fields[name], value)
    end
  end
  return nil
end

-- The body in pieces as HAProxy writes them, and the trailers. Nothing where it breaks off or is longer than we take.
local function read_chunks(socket)
  local pieces, length = {}, 0
  while true do
    local size = tonumber((socket:receive("*l") or ""):match("^%x+") or "", 16)
    if size == nil or length + size > MOST_ANSWERED then return nil end
    if size == 0 then return table.concat(pieces), read_fields(socket) end
    local piece = socket:receive(size)
    if piece == nil or socket:receive("*l") == nil then return nil end
    pieces[#pieces + 1] = piece
    length = length + size
  end
end

local function read_body(socket, headers)
  if headers["transfer-encoding"] then return read_chunks(socket) end
  local length = tonumber((headers["content-length"] or { "0" })[1])
  if length == 0 then return "", {} end
  if length == nil or length > MOST_ANSWERED then return nil end
  return socket:receive(length), {}
end

-- What is answered: status, headers (lists by name), body, trailers; the body is missing where it broke off or is too long, all of it where there is no answer.
local function answer_to(head, pieces, about)
  local socket = asked(head, pieces, about.wait)
  if socket == nil then return nil end
  local status, headers
  repeat
    status = tonumber((socket:receive("*l") or ""):match("^HTTP/1%.%d (%d%d%d)"))
    headers = status and read_fields(socket)
  until headers == nil or status >= 200
  local body, trailers
  if headers and (about.method == "HEAD" or status == 204 or status == 304) then
    body, trailers = "", {}
  elseif headers then
    body, trailers = read_body(socket, headers)
  end
  socket:close()
  return headers and { status = status, headers = headers, body = body, trailers = trailers or {} }
end
