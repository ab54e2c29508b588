--- The members of a JSON object in the order they were written.
--
-- NAV validates fields in the order of the payload, and a decoded Lua table has none. The text is
-- checked by `json.decode` first, so this walk may trust its shape.

local json = require "navodoo.json"

local ordered = {}

local function after_string(text, quote)
  local at = quote + 1
  while true do
    at = text:find('["\\]', at)
    if text:byte(at) == 34 then return at + 1 end
    at = at + 2
  end
end

local function after_value(text, at)
  local first = text:sub(at, at)
  if first == '"' then return after_string(text, at) end
  if first ~= "{" and first ~= "[" then return text:find("[,%s%]}]", at) or #text + 1 end
  local depth = 0
  repeat
    at = text:find('["{}%[%]]', at)
    local char = text:sub(at, at)
    if char == '"' then
      at = after_string(text, at)
    else
      depth = depth + ((char == "{" or char == "[") and 1 or -1)
      at = at + 1
    end
  until depth == 0
  return at
end

---@class sandbox.nav.Member
---@field key string
---@field value any    as `json.decode` gives it
---@field raw string   the text of the value

--- Reads an object; a key given twice keeps its first place and its last value.
---@param text string
---@return sandbox.nav.Member[]? members   nil when the text is no JSON object
---@return table? problem
function ordered.members(text)
  local object, problem = json.decode(text)
  if problem then return nil, problem end
  local at = text:find("%S")
  if not at or text:sub(at, at) ~= "{" then
    return nil, { code = "json", text = "a JSON object is expected here" }
  end
  local members, place = {}, {}
  at = text:find('["}]', at + 1)
  while text:sub(at, at) == '"' do
    local stop = after_string(text, at)
    local key = json.decode(text:sub(at, stop - 1))
    local from = text:find("%S", text:find(":", stop, true) + 1)
    local to = after_value(text, from)
    local member = { key = key, value = object[key], raw = text:sub(from, to - 1) }
    if not place[key] then place[key] = #members + 1 end
    members[place[key]] = member
    at = text:find('[,}]', to)
    if text:sub(at, at) == "," then at = text:find('"', at, true) end
  end
  return members
end

return ordered
