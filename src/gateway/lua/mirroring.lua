-- Copies of requests for other backends, whose answers nobody waits for. Requests that are to be copied go through a backend of their own (render-config.ts), whose
-- filter keeps what passes: none other pays for it. A copy goes when all of the request has passed.

local MOST_AT_ONCE = 200
-- Bytes: of one body, and of all that this thread keeps.
local MOST_OF_ONE = 8 * 1024 * 1024
local MOST_KEPT = math.max(64 * 1024 * 1024 // tonumber("@threads@"), MOST_OF_ONE)
-- In milliseconds, for an answer.
local MIRROR_WAIT = 30000

local under_way, kept = 0, 0

-- Is counted by HAProxy as a session of this backend.
local function leave_out(mirrors)
  for _ = 1, #mirrors do
    core.register_task(function()
      tell(head_of("mirror-left-out", { method = "GET", path = "/", headers = {}, wait = 1000 }), {}, 1000)
    end)
  end
end

local Copy = { id = "copies of requests", flags = filter.FLT_CFG_FL_HTX }
Copy.__index = Copy

function Copy.new()
  return setmetatable({ mirrors = {}, pieces = {}, length = 0 }, Copy)
end

function Copy:release()
  kept = kept - self.length
  self.pieces, self.length = {}, 0
end

function Copy:give_up()
  leave_out(self.mirrors)
  self.mirrors = {}
  self:release()
end

-- What a broken connection leaves.
Copy.__gc = Copy.release

-- What is passing goes on whatever becomes of its copy, and answers are nothing to copy.
local function aside(keep)
  return function(self, txn, message)
    if message.channel:is_resp() then return end
    if not pcall(keep, self, txn, message) then self:give_up() end
  end
end

Copy.http_headers = aside(function(self, txn, message)
  for it in (txn:get_var("txn.mirrors") or ""):gmatch("%S+") do self.mirrors[#self.mirrors + 1] = it end
  local headers = message:get_headers()
  local host, length = headers["host"], headers["content-length"]
  self.about = {
    method = txn.f:method(), host = host and host[0], path = txn.f:pathq(), headers = copied_headers(headers, nil), wait = MIRROR_WAIT,
    length = length and 0, trailers = headers["te"] ~= nil,
  }
  -- What an upgraded connection carries is no body.
  if headers["upgrade"] or (length and (tonumber(length[0]) or 0) > MOST_OF_ONE) then return self:give_up() end
  -- Asks for the end of the request, too.
  filter.register_data_filter(self, message.channel)
end)

-- Whether so many bytes more can be kept. What broken connections hold is given back when Lua looks for it, which it does seldom: here it is made to, once a second
-- at most.
local swept = 0
local function has_room(bytes)
  local now = core.now().sec
  if kept + bytes > MOST_KEPT and now ~= swept then
    swept = now
    collectgarbage()
  end
  return kept + bytes <= MOST_KEPT
end

Copy.http_payload = aside(function(self, _, message)
  if #self.mirrors == 0 then return end
  local piece = message:body() or ""
  if self.length + #piece > MOST_OF_ONE or not has_room(#piece) then return self:give_up() end
  self.pieces[#self.pieces + 1] = piece
  self.length, kept = self.length + #piece, kept + #piece
end)

Copy.http_end = aside(function(self)
  local mirrors, about = self.mirrors, self.about
  self.mirrors = {}
  if self.length > 0 then about.length = self.length end
  local left = #mirrors
  local function done()
    left = left - 1
    if left == 0 then self:release() end
  end
  for _, backend in ipairs(mirrors) do
    local head = head_of(backend, about)
    if head == nil or under_way >= MOST_AT_ONCE then
      leave_out({ backend })
      done()
    else
      under_way = under_way + 1
      core.register_task(function()
        pcall(tell, head, self.pieces, MIRROR_WAIT)
        under_way = under_way - 1
        done()
      end)
    end
  end
end)

core.register_filter("copy", Copy, function(it) return it end)
