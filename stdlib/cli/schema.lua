--- navodoo schema: what NAV's pages and Odoo's models look like, kept beside the flows.
--
-- `pull` writes FLOWS/schema/, `show` prints from it, `diff` compares it with the systems as they
-- are now and names the lines of the flows that a difference touches. Nothing is written to NAV or
-- Odoo: the endpoints are opened to be looked at only.

local annotate = require "navodoo.annotate"
local connector = require "connector"
local fs = require "navodoo.fs"
local loader = require "navodoo.loader"
local out = require "cli.out"
local problem = require "navodoo.problem"
local project = require "cli.project"
local stored = require "navodoo.schema"

local schema = {}

schema.options = { all = {}, json = {}, env = { value = true }, set = { value = true, list = true } }
schema.places = 4

schema.help = [=[usage: navodoo schema pull FLOWS [--all] [--env NAME]
       navodoo schema show FLOWS [ENTITY [FIELD]] [--json]
       navodoo schema diff FLOWS [--env NAME] [--json]

Keeps what the systems look like beside the flows, in FLOWS/schema/: one JSON file for
each page of NAV and each model of Odoo, one field a line, to be put under version
control. `navodoo check` reads it, so that it needs no system; schema/types.lua has LuaCATS
annotations, by which lua-language-server knows pages, models and field names.

  pull         ask both systems for what the flows use, and write it
  show         print a page or model: types, lengths, what is required; FIELD takes the
               fields whose name or label holds that text
  diff         compare the files with the systems as they are now; each difference comes
               with the lines of the flows that it touches

  --all        pull: every page that NAV publishes and every model that the user may see
  --env NAME   environment of navodoo.lua (default: the one it names)
  --set E.K=V  override a setting of an endpoint, as in --set nav.url=http://nav:7048
  --json       for machines

exit codes: 0 done, nothing differs; 1 a system could not be asked, or a file not be
written; 2 wrong use, or mistakes in the flows; 3 diff: something differs

examples:
  navodoo schema pull flows/
  navodoo schema show flows/ CustomerCard Post
  navodoo schema diff flows/ --env prod]=]

-- ---- what the flows use --------------------------------------------------------------------------

-- Flows, configuration and stored schemas. A stored file that cannot be read is for `pull` to
-- write anew, and no reason to refuse.
local function open_project(a)
  local read, problems = project.read(a[2])
  if not read then return nil, problems end
  local settled
  settled, problems = project.settle(read.folder, read.config, a.env, a.set)
  local flows, more = loader.compile_all { files = read.files, lookups = read.lookups, config = settled }
  for _, p in ipairs(more or {}) do problems[#problems + 1] = p end
  local broken = {}
  local schemas = project.read_schemas(read.folder, broken)
  if a[1] ~= "pull" then table.move(broken, 1, #broken, #problems + 1, problems) end
  if #problems > 0 then return nil, problems end
  local sources = {}
  for _, file in ipairs(read.files) do sources[file.file] = file.source end
  return { folder = read.folder, flows = flows, sources = sources, endpoints = settled.endpoints, schemas = schemas }
end

-- Entities of one side that a flow names, as a set.
local function uses(flow, side)
  local names = {}
  if side == "nav" then
    names[flow.nav.read] = true
    if flow.nav.write then names[flow.nav.write] = true end
  else
    names[flow.odoo.model] = true
    for _, need in ipairs(flow.lookup_needs) do
      if need.model then names[need.model] = true end
    end
  end
  return names
end

local function used(p, side)
  local names = {}
  for _, flow in ipairs(p.flows) do
    for name in pairs(uses(flow, side)) do names[name] = true end -- into a set
  end
  return names
end

-- Lines of a source that name a field: as a text, as a key, or behind a dot. Comments do not count.
local function lines_with(source, field)
  local quoted = field:gsub("%p", "%%%0")
  local lines, n = {}, 0
  for line in (source .. "\n"):gmatch "(.-)\n" do
    n = n + 1
    local code = line:gsub("%-%-.*$", "")
    if code:find("[\"']" .. quoted .. "[\"']") or code:find("%." .. quoted .. "%f[^%w_]")
      or code:find("%f[%w_]" .. quoted .. "%s*=[^=]") then
      lines[#lines + 1] = { line = n, text = line:match "^%s*(.-)%s*$" }
    end
  end
  return lines
end

-- What a difference touches: { file, line, text } of each flow that uses the entity.
local function touched(p, side, entity, field)
  local list = {}
  for _, flow in ipairs(p.flows) do
    if uses(flow, side)[entity] then
      for _, found in ipairs(lines_with(p.sources[flow.file] or "", field)) do
        list[#list + 1] = { file = flow.file, line = found.line, text = found.text }
      end
    end
  end
  return list
end

-- ---- asking the systems ------------------------------------------------------------------------------

local function connections(p)
  local ok, why = project.open_endpoints(p.endpoints)
  if not ok then return nil, why end
  local list = {}
  for _, side in ipairs { "nav", "odoo" } do
    p.endpoints[side].read_only = true
    list[side] = connector.open(p.endpoints[side])
  end
  return list
end

local function finish(found, side, entity, server)
  found.entity, found.endpoint, found.kind, found.server = entity, side, side, server
  return found
end

-- NAV tells all its pages in one document.
local function ask_nav(conn, names, everything)
  local list, err = conn:schemas()
  if not list then return nil, err.text end
  local result, missing = {}, {}
  for _, name in ipairs(problem.names(everything and list or names)) do
    if list[name] then result[name] = finish(list[name], "nav", name)
    else missing[#missing + 1] = name end
  end
  return result, nil, missing
end

local function ask_odoo(conn, names, everything)
  local major, err = conn:version()
  if not major then return nil, err.text end
  local wanted = problem.names(names)
  if everything then
    wanted, err = conn:models()
    if not wanted then return nil, err.text end
  end
  local result, missing = {}, {}
  for _, name in ipairs(wanted) do
    local found
    found, err = conn:schema(name)
    if found then result[name] = finish(found, "odoo", name, major .. ".0")
    elseif err.class == "config" or err.class == "invalid" then missing[#missing + 1] = name
    else return nil, err.text end
  end
  return result, nil, missing
end

--- The schemas of one side as they are now. Waits.
---@return table<string, table>|nil by_entity
---@return string|nil why
---@return string[] missing  not published, not installed, or not for this user
local function ask(conn, side, names, everything)
  return (side == "nav" and ask_nav or ask_odoo)(conn, names, everything)
end

-- ---- pull ------------------------------------------------------------------------------------------

local function read_whole(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local text = f:read "a"
  f:close()
  return text
end

-- Writes a file when it would change. True when it did.
local function put(path, text)
  if read_whole(path) == text then return false end
  local f, why = io.open(path .. ".new", "wb")
  if not f then return nil, why end
  local ok
  ok, why = f:write(text)
  if ok then ok, why = f:close() end
  if ok then ok, why = os.rename(path .. ".new", path) end
  if not ok then return nil, why end
  return true
end

local function counts(differences)
  local n = { new = 0, gone = 0, changed = 0 }
  for _, d in ipairs(differences) do n[d.what] = n[d.what] + 1 end
  return ("%d new, %d gone, %d changed"):format(n.new, n.gone, n.changed)
end

local function pull_side(p, conn, side, everything)
  local old = p.schemas[side] or {}
  local names = used(p, side)
  for name in pairs(old) do names[name] = true end -- what was pulled once stays fresh
  local now, why, missing = ask(conn, side, names, everything)
  if not now then return nil, why end
  for _, name in ipairs(everything and {} or missing) do
    if used(p, side)[name] then return nil, ("%s has no %s for this user"):format(side, name) end
    out.line("%s: %s has it no longer; delete schema/%s/%s.json", name, side, side, name)
  end
  local folder = ("%s/schema/%s"):format(p.folder, side)
  local ok, err = fs.make(folder)
  if not ok then return nil, err.text end
  for _, name in ipairs(problem.names(now)) do
    local path = ("%s/%s.json"):format(folder, name)
    local changed
    changed, why = put(path, stored.encode(now[name]))
    if changed == nil then return nil, why end
    local differences = old[name] and stored.diff(old[name], now[name])
    out.line("%s: %s", path, not old[name] and #problem.names(now[name].fields) .. " fields"
      or not changed and "unchanged" or #differences == 0 and "rewritten, nothing differs" or counts(differences))
  end
  if everything and #missing > 0 then
    out.line("%s: %d models left out: the user may not see them", side, #missing)
  end
  p.schemas[side] = now
  return true
end

local function pull(p, a)
  local conns, why = connections(p)
  if not conns then return 2, why end
  for _, side in ipairs { "nav", "odoo" } do
    local ok
    ok, why = pull_side(p, conns[side], side, a.all)
    if not ok then return 1, why end
  end
  local path = p.folder .. "/schema/types.lua"
  local changed
  changed, why = put(path, annotate.text(p.schemas))
  if changed == nil then return 1, why end
  out.line("%s: %s", path, changed and "written" or "unchanged")
  return 0
end

-- ---- show ------------------------------------------------------------------------------------------

local function find(p, entity)
  local names = {}
  for _, side in ipairs { "nav", "odoo" } do
    for _, name in ipairs(problem.names(p.schemas[side] or {})) do
      if name == entity then return p.schemas[side][name] end
      names[#names + 1] = name
    end
  end
  local near = problem.near(entity, names)
  return nil, ("schema/ has no %s%s; navodoo schema pull fetches what the flows use"):format(entity,
    near and ", did you mean " .. near .. "?" or "")
end

local function traits(def)
  local list = {}
  if def.required then list[#list + 1] = "required" end
  if def.readonly then list[#list + 1] = "read only" end
  if not def.stored then list[#list + 1] = "not stored" end
  if def.by_company then list[#list + 1] = "by company" end
  if def.relation then list[#list + 1] = "-> " .. def.relation end
  if def.digits then list[#list + 1] = def.digits .. " digits" end
  if def.options then list[#list + 1] = table.concat(def.options, "|") end
  return table.concat(list, ", ")
end

local function show_list(p)
  for _, side in ipairs { "nav", "odoo" } do
    for _, name in ipairs(problem.names(p.schemas[side] or {})) do
      local s = p.schemas[side][name]
      out.line("%-5s %-28s %4d fields%s", side, name, #problem.names(s.fields),
        used(p, side)[name] and "" or "  (no flow uses it)")
    end
  end
  return 0
end

local function show(p, a)
  if not a[3] then return show_list(p) end
  local s, why = find(p, a[3])
  if not s then return 1, why end
  local wanted = a[4] and a[4]:lower()
  local fields = {}
  for _, name in ipairs(problem.names(s.fields)) do
    local label = s.fields[name].label or ""
    if not wanted or name:lower():find(wanted, 1, true) or label:lower():find(wanted, 1, true) then
      fields[#fields + 1] = name
    end
  end
  if a.json then
    local kept = {}
    for _, name in ipairs(fields) do kept[name] = s.fields[name] end
    out.json { entity = s.entity, endpoint = s.endpoint, server = s.server, key = s.key, fields = kept }
    return 0
  end
  out.line("%s of %s%s, key %s", s.entity, s.endpoint, s.server and " " .. s.server or "", table.concat(s.key, ", "))
  for _, name in ipairs(fields) do
    local def = s.fields[name]
    local line = ("  %-32s %-10s %5s  %-24s %s"):format(name, def.type, def.max or "", def.label or "", traits(def))
    out.line("%s", (line:gsub("%s+$", "")))
  end
  if #fields == 0 then return 1, ("%s has no field with %q in its name or label"):format(s.entity, a[4]) end
  return 0
end

-- ---- diff ------------------------------------------------------------------------------------------

local function diff_side(p, conn, side, list)
  local old = p.schemas[side] or {}
  local now, why, missing = ask(conn, side, old, false)
  if not now then return nil, why end
  for _, name in ipairs(missing) do
    list[#list + 1] = { side = side, entity = name, text = "is gone, or not for this user", what = "gone",
                        touches = touched(p, side, name, name) }
  end
  for _, name in ipairs(problem.names(used(p, side))) do
    if not old[name] then
      list[#list + 1] = { side = side, entity = name, text = "was never pulled: navodoo schema pull fetches it",
                          touches = {} }
    end
  end
  for _, name in ipairs(problem.names(now)) do
    for _, d in ipairs(stored.diff(old[name], now[name])) do
      list[#list + 1] = { side = side, entity = name, field = d.field, what = d.what, attribute = d.attribute,
                          old = d.old, new = d.new, text = stored.tell(d), touches = touched(p, side, name, d.field) }
    end
  end
  return true
end

local function diff(p, a)
  if not next(p.schemas) then
    return 1, p.folder .. "/schema holds nothing to compare with: navodoo schema pull fetches it"
  end
  local conns, why = connections(p)
  if not conns then return 2, why end
  local list = {}
  for _, side in ipairs { "nav", "odoo" } do
    local ok
    ok, why = diff_side(p, conns[side], side, list)
    if not ok then return 1, why end
  end
  if a.json then
    out.json { differences = list }
  else
    for _, d in ipairs(list) do
      out.line("%s %s: %s", d.side, d.entity, d.text)
      for _, t in ipairs(d.touches) do out.line("  %s:%d: %s", t.file, t.line, t.text) end
    end
    if #list == 0 then out.line("no difference") end
  end
  return #list > 0 and 3 or 0
end

local ACTIONS <const> = { pull = pull, show = show, diff = diff }

---@param a table
---@return integer
function schema.run(a)
  local act = ACTIONS[a[1] or ""]
  if not act then
    local near = a[1] and problem.near(a[1], { "pull", "show", "diff" })
    out.complain("schema: %s", near and ("did you mean schema %s?"):format(near)
      or "pull, show or diff? As in: navodoo schema pull flows/")
    return 2
  end
  if not a[2] then
    out.complain("schema %s: which folder of flows? As in: navodoo schema %s flows/", a[1], a[1])
    return 2
  end
  if a[3] and a[1] ~= "show" then
    out.complain("schema %s: %q is one argument too many; see --help", a[1], a[3])
    return 2
  end
  if a.all and a[1] ~= "pull" then
    out.complain "schema: --all goes with pull"
    return 2
  end
  local p, problems = open_project(a)
  if not p then
    project.complain(problems)
    return 2
  end
  local code, why = act(p, a)
  if why then out.complain("schema %s: %s", a[1], why) end
  return code
end

return schema
