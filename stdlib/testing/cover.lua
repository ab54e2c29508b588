--- Which lines of a flow's own functions ran: the branches of `get`, `put`, `check` and of
-- what they call.
--
-- A line hook on the running coroutine notes the lines; a count hook stops what does not come
-- to an end, since a guard would take the hook away. Lines that hold nothing but the end of a
-- block are not asked for.

local cover = {}
cover.__index = cover

local STEP <const>, STEPS_MAX <const> = 100000, 200 -- instructions between two looks; looks

---@return table
function cover.new() return setmetatable({ hits = {} }, cover) end

--- Runs `fn` and notes the lines.
---@return boolean ok
---@return any ...  results, or the error
function cover:run(fn, ...)
  local hits, looks = self.hits, 0
  local function hook(event, line)
    if event == "count" then
      looks = looks + 1
      if looks > STEPS_MAX then error("this does not come to an end", 2) end
      return
    end
    local source = debug.getinfo(2, "S").source
    if source:sub(1, 1) ~= "@" then return end
    local of = hits[source]
    if not of then
      of = {}
      hits[source] = of
    end
    of[line] = true
  end
  local before, mask, count = debug.gethook()
  debug.sethook(hook, "l", STEP)
  local results = table.pack(pcall(fn, ...))
  debug.sethook(before, mask, count)
  return table.unpack(results, 1, results.n)
end

-- All functions of a file that are reached from a value, by tables and upvalues.
local function functions_of(value, source)
  local list, seen = {}, {}
  local function walk(v, depth)
    if (type(v) ~= "table" and type(v) ~= "function") or seen[v] or depth > 12 then return end
    seen[v] = true
    if type(v) == "function" then
      local info = debug.getinfo(v, "SL")
      if info.source == source and info.what ~= "main" then list[#list + 1] = info end
      for i = 1, math.huge do
        local name, up = debug.getupvalue(v, i)
        if not name then break end
        if name ~= "_ENV" then walk(up, depth + 1) end
      end
    else
      for _, each in next, v do walk(each, depth + 1) end
    end
  end
  walk(value, 0)
  return list
end

local function is_code(text)
  local bare = text:gsub("%-%-.*", ""):gsub("%s+", "")
  return bare ~= "" and not bare:find "^[%)},;]*end[%)},;]*$" and bare ~= "else"
end

--- Lines of a flow's functions that have never run.
---@param flow navodoo.Compiled
---@param text string  source of the file
---@return integer[] lines  sorted
---@return integer total    lines there are
function cover:missed(flow, text)
  local source = "@" .. flow.file
  local lines, n = {}, 0
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    n = n + 1
    lines[n] = line
  end
  local hits, wanted, total, missed = self.hits[source] or {}, {}, 0, {}
  for _, info in ipairs(functions_of({ flow.spec.entries, flow.spec.on_create, flow.spec.rules,
                                       flow.spec.on_create_nav }, source)) do
    for line in pairs(info.activelines or {}) do
      if lines[line] and is_code(lines[line]) then wanted[line] = true end
    end
  end
  for line in pairs(wanted) do
    total = total + 1
    if not hits[line] then missed[#missed + 1] = line end
  end
  table.sort(missed)
  return missed, total
end

return cover
