-- Messages of protocol buffers (protobuf.dev, "Encoding"), as far as those of authorization need them.

local function varint(number)
  local bytes = {}
  repeat
    local rest = number >> 7
    bytes[#bytes + 1] = string.char(number & 0x7f | (rest ~= 0 and 0x80 or 0))
    number = rest
  until number == 0
  return table.concat(bytes)
end

local function number_field(field, number)
  return varint(field << 3) .. varint(number)
end

local function bytes_field(field, bytes)
  return varint(field << 3 | 2) .. varint(#bytes) .. bytes
end

-- A reader that finds text that is not UTF-8 refuses the whole message.
local function text_field(field, text)
  return bytes_field(field, utf8.len(text) and text or (text:gsub("[\x80-\xff]", "!")))
end

-- From the place, the number there and the place behind it; nothing where there is none.
local function read_varint(text, at)
  local number = 0
  for shift = 0, 63, 7 do
    local byte = text:byte(at)
    if byte == nil then return nil end
    number, at = number | (byte & 0x7f) << shift, at + 1
    if byte < 0x80 then return number, at end
  end
  return nil
end

local FIXED = { [1] = 8, [5] = 4 }

-- Lists of values by number: numbers, or the bytes of what has a length. Nothing where the text is no message.
local function fields_of(text)
  local fields, at = {}, 1
  while at <= #text do
    local key, value
    key, at = read_varint(text, at)
    if key == nil then return nil end
    local kind, field = key & 7, key >> 3
    if kind == 0 then
      value, at = read_varint(text, at)
    elseif kind == 2 or FIXED[kind] then
      local length = FIXED[kind]
      if length == nil then length, at = read_varint(text, at) end
      if length == nil or length < 0 or length > #text - at + 1 then return nil end
      value, at = text:sub(at, at + length - 1), at + length
    end
    if value == nil or field == 0 then return nil end
    fields[field] = fields[field] or {}
    table.insert(fields[field], value)
  end
  return fields
end

local function all_bytes(fields, field)
  local list = fields[field] or {}
  for _, it in ipairs(list) do
    if type(it) ~= "string" then error("no bytes") end
  end
  return list
end

local function last_bytes(fields, field)
  local list = all_bytes(fields, field)
  return list[#list]
end

local function last_number(fields, field)
  local list = fields[field] or {}
  local last = list[#list]
  if last ~= nil and math.type(last) ~= "integer" then error("no number") end
  return last
end

local function message_in(text)
  return fields_of(text) or error("no message")
end

-- One that is written in several parts is all of them together; nothing where there is none. What is none ends in an error, as do all of these.
local function inner_message(fields, field)
  local parts = all_bytes(fields, field)
  return #parts > 0 and message_in(table.concat(parts)) or nil
end
