--- Mistakes as data: what is wrong, in which file and line, and the name that was meant.
--
-- While `problem.collect` runs, whoever finds a mistake notes it and goes on with
-- `problem.broken`, a stand-in that swallows calls and indexing, so that one reading of a
-- flow finds all its mistakes. Outside of it a note raises, as any misuse does.

local problem = {}

---@class navodoo.Problem
---@field file string
---@field line integer?
---@field column integer?
---@field text string
---@field near string?   the valid name that was probably meant

local problem_mt = {}
problem_mt.__index = problem_mt

--- `file:line:column: text (did you mean X?)`, without the parts that are not known.
---@param p navodoo.Problem
---@return string
function problem.format(p)
  local place = p.file or "?"
  if p.line then
    place = place .. ":" .. p.line
    if p.column then place = place .. ":" .. p.column end
  end
  local near = p.near and (" (did you mean %s?)"):format(p.near) or ""
  return ("%s: %s%s"):format(place, p.text, near)
end
problem_mt.__tostring = problem.format

--- All problems, one a line.
---@param problems navodoo.Problem[]
---@return string
function problem.format_all(problems)
  local lines = {}
  for i, p in ipairs(problems) do lines[i] = problem.format(p) end
  return table.concat(lines, "\n")
end

--- The type of a value in words: "a string", "an integer", "nothing".
---@param v any
---@return string
function problem.a(v)
  if v == nil then return "nothing" end
  local t = math.type(v) or type(v)
  return (t == "integer" and "an " or "a ") .. t
end

--- Makes a problem of a plain table.
---@param p table
---@return navodoo.Problem
function problem.new(p) return setmetatable(p, problem_mt) end

-- Typing distance: one for each letter inserted, left out, changed or swapped with its
-- neighbour. Gives up once it passes `limit`.
local function distance(a, b, limit)
  if math.abs(#a - #b) > limit then return limit + 1 end
  local before, last = {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row, least = { [0] = i }, i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local d = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        d = math.min(d, before[j - 2] + 1)
      end
      row[j] = d
      least = math.min(least, d)
    end
    if least > limit then return limit + 1 end
    before, last = last, row
  end
  return last[#b]
end

local function plain(name) return (name:lower():gsub("[^%w]", "")) end

--- The candidate that was probably meant by `name`, or nil. Case and `_` do not count.
---@param name any
---@param candidates string[]
---@return string?
function problem.near(name, candidates)
  if type(name) ~= "string" then return nil end
  local wanted = plain(name)
  local limit = math.min(3, #wanted // 3)
  local best, best_distance
  for _, candidate in ipairs(candidates) do
    local other = plain(candidate)
    local d = distance(wanted, other, limit)
    if d > limit and #wanted >= 4 and other:find(wanted, 1, true) then d = limit end
    local better = not best or d < best_distance or (d == best_distance and candidate < best)
    if d <= limit and better then
      best, best_distance = candidate, d
    end
  end
  return best
end

--- The keys of a table that are names, sorted.
---@param t table
---@return string[]
function problem.names(t)
  local names = {}
  for k in pairs(t) do
    if type(k) == "string" then names[#names + 1] = k end
  end
  table.sort(names)
  return names
end

--- Sorts in place: by file, line, column, text.
---@param problems navodoo.Problem[]
---@return navodoo.Problem[]
function problem.sort(problems)
  table.sort(problems, function(a, b)
    if a.file ~= b.file then return (a.file or "") < (b.file or "") end
    if a.line ~= b.line then return (a.line or 0) < (b.line or 0) end
    if a.column ~= b.column then return (a.column or 0) < (b.column or 0) end
    return a.text < b.text
  end)
  return problems
end

local OWN <const> = debug.getinfo(1, "S").source:match("^(.*)problem%.lua$")

--- File and line of the nearest caller outside of this library.
---@return string file
---@return integer? line
function problem.caller()
  local level = 2
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info then return "?", nil end
    local source = info.source
    if source:sub(1, 1) == "@" and source:sub(1, #OWN) ~= OWN then
      return source:sub(2), info.currentline
    end
    level = level + 1
  end
end

--- Whether a list has a value.
---@param list any[]
---@param v any
function problem.is_in(list, v)
  for _, x in ipairs(list) do
    if x == v then return true end
  end
  return false
end

local collected, collected_file

--- Runs `fn` and returns the mistakes that were noted meanwhile, then what `fn` returned.
---@param file string?  the one whose mistakes these are, should the call stack not tell it:
--   a chunk that ends in `return f(x)` has left the stack when `f` runs
---@param fn function  does not raise
---@return navodoo.Problem[] problems
---@return any ...
function problem.collect(file, fn, ...)
  local outer, outer_file, list = collected, collected_file, {}
  collected, collected_file = list, file
  local results = table.pack(pcall(fn, ...))
  collected, collected_file = outer, outer_file
  if not results[1] then error(results[2], 0) end
  return list, table.unpack(results, 2, results.n)
end

--- Stands for a value that could not be made; whatever is done with it gives itself.
problem.broken = setmetatable({ kind = "broken" }, {
  __index = function(self) return self end,
  __call = function(self) return self end,
  __concat = function() return "" end,
  __len = function() return 0 end,
})

--- Notes a mistake of the calling flow and returns `problem.broken`; raises it when nobody
--- collects.
---@param text string
---@param near string?
---@param file string?   place, where the call stack does not tell it
---@param line integer?
---@return table broken
function problem.note(text, near, file, line)
  if not file then
    file, line = problem.caller()
    if collected_file and file ~= collected_file then file, line = collected_file, nil end
  end
  local p = problem.new { file = file, line = line, text = text, near = near }
  if not collected then error(p, 0) end
  collected[#collected + 1] = p
  return problem.broken
end

--- A table of named things for flows: a name that it does not have is a noted mistake, and
--- nothing can be assigned to it.
---@param what string   how a person calls it: "map", "lookup"
---@param things table
---@param call function?
---@return table
function problem.guarded(what, things, call)
  return setmetatable({}, {
    __index = function(_, name)
      local thing = things[name]
      if thing ~= nil then return thing end
      return problem.note(("there is no %s.%s"):format(what, tostring(name)),
        problem.near(name, problem.names(things)))
    end,
    __newindex = function(_, name)
      problem.note(("%s.%s cannot be assigned"):format(what, tostring(name)))
    end,
    __pairs = function() return next, things end,
    __call = call,
    __metatable = false,
  })
end

return problem
