--- The like operators of domains: SQL patterns as tests of a text.
--
-- `like` and `ilike` look for the value anywhere, `=like` and `=ilike` match the whole text; `%` and
-- `_` in the value are live in all four, as in Odoo, and the i folds case.

local py = require "sandbox.odoo.py"
local text = require "navodoo.text"

local like = {}

local MAGIC <const> = "[%^%$%(%)%%%.%[%]%*%+%-%?]"
local ANY_CHARACTER <const> = "[^\128-\191][\128-\191]*"

-- A LIKE pattern as a Lua pattern; `%` and `_` are live, a backslash quotes.
local function like_pattern(s)
  local out, at = { "^" }, 1
  while at <= #s do
    local c = s:sub(at, at)
    if c == "\\" and at < #s then
      at = at + 1
      out[#out + 1] = s:sub(at, at):gsub(MAGIC, "%%%0")
    elseif c == "%" then
      out[#out + 1] = ".*"
    elseif c == "_" then
      out[#out + 1] = ANY_CHARACTER
    else
      out[#out + 1] = c:gsub(MAGIC, "%%%0")
    end
    at = at + 1
  end
  return table.concat(out) .. "$"
end

--- A test of a text by one of the like operators; NULL fails.
---@param operator string  "like", "ilike", "=like", "=ilike"
---@param value any
---@return fun(s: string?): boolean
function like.matcher(operator, value)
  local fold = operator:find("ilike", 1, true) and text.lower or function(s) return s end
  local wanted = fold(py.str(value))
  if operator:sub(1, 1) ~= "=" then
    if wanted == "" then return function() return true end end
    if not wanted:find("[%%_\\]") then
      return function(s) return s ~= nil and fold(s):find(wanted, 1, true) ~= nil end
    end
    wanted = "%" .. wanted .. "%"
  end
  local pattern = like_pattern(wanted)
  return function(s) return s ~= nil and fold(s):find(pattern) ~= nil end
end

return like
