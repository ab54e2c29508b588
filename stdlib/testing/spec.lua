--- A small spec runner for our own runtime, where the primitives are.
--
-- Files describe behaviour with `describe`, `it` and `expect`; a test may wait
-- (task.sleep, http.request). `spec.run(files)` prints each failure with its place
-- and one closing line `N passed, N failed`; `spec.collect` answers the same as data.

local spec = {}

local passed, failures, names, wanted = 0, {}, {}, nil

local function show(v, depth)
  if type(v) == "string" then return ("%q"):format(v) end
  if type(v) ~= "table" or (depth or 0) > 4 or (getmetatable(v) or {}).__tostring then
    return tostring(v)
  end
  local keys, out = {}, {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do
    out[i] = ("%s=%s"):format(tostring(k), show(v[k], (depth or 0) + 1))
  end
  return "{" .. table.concat(out, ", ") .. "}"
end

local function same(a, b)
  if type(a) ~= type(b) then return false end
  if type(a) ~= "table" then
    return a == b and math.type(a) == math.type(b)
  end
  for k, v in pairs(a) do
    if not same(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

local expectation = {}
expectation.__index = expectation

local function check(ok, ...)
  if not ok then error(("expected %s, got %s"):format(...), 3) end
end

--- Deep equality; an integer never equals a float.
function expectation:equals(x) check(same(self.value, x), show(x), show(self.value)) end
function expectation:is_nil() check(self.value == nil, "nil", show(self.value)) end
function expectation:is_true() check(self.value == true, "true", show(self.value)) end
function expectation:is_false() check(self.value == false, "false", show(self.value)) end
--- The text of the value matches a Lua pattern.
function expectation:matches(pattern)
  check(tostring(self.value):find(pattern) ~= nil, "a match of " .. pattern, show(self.value))
end

--- Fails the test unless `fn` raises something whose text matches `pattern`.
local function raises(fn, pattern)
  local ok, err = pcall(fn)
  if ok then error("expected an error, got none", 2) end
  if pattern and not tostring(err):find(pattern) then
    error(("expected an error matching %s, got %s"):format(pattern, tostring(err)), 2)
  end
end

---@class testing.Failure
---@field name string      the sentence of the test
---@field file string?
---@field line integer?
---@field text string      first line: what was wrong

-- The place stands in front of an error's text, as Lua writes it.
local function fail(name, err, file)
  err = tostring(err)
  local at, line, rest = err:match "^([^\n:]+):(%d+): (.*)$"
  failures[#failures + 1] = { name = name, file = at or file, line = math.tointeger(tonumber(line)),
                              text = rest or err, whole = err }
end

function spec.describe(name, fn)
  names[#names + 1] = name
  fn()
  names[#names] = nil
end

function spec.it(name, fn)
  local full = table.concat(names, " ") .. " " .. name
  if wanted and not full:find(wanted, 1, true) then return end
  local ok, err = xpcall(fn, function(e)
    return type(e) == "string" and debug.traceback(e, 2) or show(e)
  end)
  if ok then passed = passed + 1 else fail(full, err) end
end

spec.expect = setmetatable({ raises = raises }, {
  __call = function(_, value) return setmetatable({ value = value }, expectation) end,
})

--- Runs spec files one after the other.
---@param files string[]
---@param filter string|nil  only tests whose sentence has this in it
---@return integer passed
---@return testing.Failure[] failures
function spec.collect(files, filter)
  _G.describe, _G.it, _G.expect = spec.describe, spec.it, spec.expect
  passed, failures, wanted = 0, {}, filter
  for _, file in ipairs(files) do
    local chunk, err = loadfile(file)
    if chunk then
      local ok, problem = xpcall(chunk, debug.traceback)
      if not ok then fail(file, problem, file) end
    else
      fail(file, err, file)
    end
  end
  return passed, failures
end

--- Runs spec files and prints what failed; returns true when all passed.
---@param files string[]
---@return boolean
function spec.run(files)
  local good, bad = spec.collect(files)
  for _, f in ipairs(bad) do
    io.stdout:write("FAILED: ", f.name, "\n  ", f.whole:gsub("\n", "\n  "), "\n")
  end
  io.stdout:write(("%d passed, %d failed\n"):format(good, #bad))
  return #bad == 0
end

return spec
