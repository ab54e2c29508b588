--- What can be asked about the versions of flows, and going back to an older one: the
-- commands `generations` and `rollback` of cli/commands.lua.

local json = require "navodoo.json"
local loader = require "navodoo.loader"
local problem = require "navodoo.problem"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"

local versions = {}

--- How long a running engine may take to hand over before the command goes on.
local HAND_OVER_MS <const>, LOOK_MS <const> = 10000, 20

local function state_of(running, id, ran)
  for _, slot in ipairs(running and running.lives.slots or {}) do
    if slot.current and slot.current.wanted.id == id and not slot.retiring then return "running" end
  end
  for _, slot in ipairs(running and running.lives.slots or {}) do
    for _, life in ipairs { slot.retiring or false, slot.pinned or false } do
      if life and life.wanted.id == id then return "old" end
    end
  end
  return ran and "stored" or "new"
end

--- The versions in the store, newest first. Arguments: flow.
---@param a table
---@param running table|nil
function versions.list(a, running)
  local rows, err = store.query("generations_list", a.flow)
  if not rows then return nil, err end
  local list = json.array {}
  for i, row in ipairs(rows) do
    list[i] = { id = row.id, flow = row.flow, hash = row.hash, file = row.file, stdlib = row.stdlib,
                cause = row.cause, first = time.iso(row.first), since = time.iso(row.since),
                state = state_of(running, row.id, row.ran), pinned = row.pinned }
  end
  return { generations = list }
end

--- The hash of the flow's file, as far as it is known: that of the folder when the engine
-- runs, else of what ran last.
local function file_hash(flow, rows, running)
  if running then return running.reload:file_hash(flow) end
  local back = store.query("meta", "rollback:" .. flow)
  local known = back and back[1] and back[1].value and json.decode(back[1].value)
  return known and known.of or rows[1].hash
end

--- Those that can be gone back to: what never ran was refused by one of the systems, or waits
-- for its turn. The file's own version ends a going back, and may be new.
local function that_ran(rows, of)
  local list = {}
  for _, row in ipairs(rows) do
    if row.ran or row.hash == of then list[#list + 1] = row end
  end
  return list
end

--- The version that is meant: by its first digits, or the one before the present. After
-- going back that is an older one still, not the one that was left.
local function meant(a, rows, present)
  local found, below
  for _, row in ipairs(rows) do
    if row.hash == present and row.cause == "rollback" then below = row.id end
  end
  for _, row in ipairs(rows) do
    if a.hash and row.hash:sub(1, #a.hash) == a.hash then
      if found then return nil, { text = ("%s names more than one version; give more of it"):format(a.hash) } end
      found = row
    elseif not a.hash and not found and row.hash ~= present and row.id < (below or math.huge) then
      found = row
    end
  end
  if found then return found end
  if a.hash then
    return nil, { text = ("flow %s has no version %s; see navodoo generations"):format(a.flow, a.hash) }
  end
  return nil, { text = ("flow %s has no older version"):format(a.flow) }
end

--- Waits until the slots of a flow run a version, or refused it.
local function handed_over(running, flow, hash)
  local began = time.monotonic()
  while true do
    local left, all = 0, 0
    for _, slot in ipairs(running.lives.slots) do
      if slot.flow == flow then
        all = all + 1
        if not (slot.current and slot.current.wanted.hash == hash and not slot.retiring) then left = left + 1 end
        if slot.wanted.hash ~= hash then
          return nil, { text = ("flow %s does not take version %s; navodoo status says why"):format(flow, hash) }
        end
      end
    end
    if left == 0 and all > 0 then return true end
    if time.monotonic() - began > HAND_OVER_MS then return true end -- what runs is long: status shows it
    task.sleep(LOOK_MS)
  end
end

--- Goes back to an older version. Arguments: flow, hash (or its first digits).
---@param a table
---@param running table|nil
function versions.rollback(a, running)
  if type(a.flow) ~= "string" then return nil, { text = "which flow?" } end
  local rows, err = store.query("generations_list", a.flow)
  if not rows then return nil, err end
  if #rows == 0 then
    local names, all = {}, store.query("generations_list", nil)
    for _, row in ipairs(all or {}) do names[row.flow] = true end
    local near = problem.near(a.flow, problem.names(names))
    return nil, { text = ("there is no flow %s%s"):format(a.flow, near and "; did you mean " .. near .. "?" or "") }
  end
  local of = file_hash(a.flow, rows, running)
  if not of then return nil, { text = ("flow %s does not run; start it first"):format(a.flow) } end
  rows = that_ran(rows, of)
  local present = rows[1] and rows[1].hash
  if running then
    for _, slot in ipairs(running.lives.slots) do
      if slot.flow == a.flow then present = slot.wanted.hash end
    end
  end
  local row
  row, err = meant(a, rows, present)
  if not row then return nil, err end
  local full = assert(store.query("generation_by_id", row.id))[1]
  local compiled, problems = loader.compile { file = full.file, source = full.source,
                                              lookups = json.decode(full.lookups) }
  if not compiled then
    return nil, { text = ("version %s does not compile with this navodoo: %s"):format(row.hash,
      problem.format_all(problems)) }
  end
  local back = row.hash ~= of and assert(json.encode { hash = row.hash, of = of }) or nil
  local ok
  ok, err = store.apply { { "meta_put", "rollback:" .. a.flow, back } }
  if not ok then return nil, err end
  if running then
    running.reload.back[a.flow] = nil
    running.reload:look "rollback"
    ok, err = handed_over(running, a.flow, row.hash)
    if not ok then return nil, err end
  end
  return { flow = a.flow, hash = row.hash, path = row.file, file = row.hash == of, running = running ~= nil }
end

return versions
