--- `load`: rows of text upserted by external id, all or nothing.
--
-- The way of Odoo's own import: rows are cut into records, cells converted, records written in one
-- batch; when the batch fails they are tried one by one to name the bad ones. Any error message
-- takes everything back and answers ids = false, HTTP 200 and no fault.

local cells = require "sandbox.odoo.cells"
local faults = require "sandbox.odoo.faults"
local json = require "navodoo.json"
local orm = require "sandbox.odoo.orm"
local py = require "sandbox.odoo.py"
local query = require "sandbox.odoo.query"
local security = require "sandbox.odoo.security"
local xmlids = require "sandbox.odoo.xmlids"

local load = {}

-- Columns ----------------------------------------------------------------------------------------

local function path_of(column)
  local path = {}
  column = py.str(column):gsub("([^/])%.id", "%1/.id"):gsub("([^/]):id", "%1/id")
  for part in (column .. "/"):gmatch("([^/]*)/") do path[#path + 1] = part end
  return path
end

local PLAIN <const> = { [""] = true, id = true, [".id"] = true }

local function unknown_column(env, name)
  if env.version >= 18 then faults.value_error(("Invalid field name '%s'"):format(name)) end
  faults.key_error(name)
end

local function check_columns(env, model, paths)
  for _, path in ipairs(paths) do
    if not PLAIN[path[1]] and not model.fields[path[1]] then unknown_column(env, path[1]) end
  end
end

-- Rows into records ------------------------------------------------------------------------------

local function any_filled(row, columns)
  for _, i in ipairs(columns) do
    if py.truth(row[i]) then return true end
  end
  return false
end

-- Cuts rows into records: { cells = { name = value or list of sub-records }, order, from, to }.
-- Rows that fill only one2many columns belong to the record above.
local function extract(env, model, paths, data)
  check_columns(env, model, paths)
  local lines, own, related, order = {}, {}, {}, {}
  for i, path in ipairs(paths) do
    local f = model.fields[path[1]]
    local many = f and f.type == "one2many"
    table.insert(many and lines or own, i)
    if f and f.relation and not related[path[1]] then
      related[path[1]] = { columns = {}, paths = {} }
      order[#order + 1] = path[1]
    end
    if f and f.relation then
      local group = related[path[1]]
      group.columns[#group.columns + 1] = i
      group.paths[#group.paths + 1] = #path > 1 and { table.unpack(path, 2) } or { "" }
    end
  end
  local records, at = {}, 1
  while at <= #data do
    local record = { cells = {}, from = at - 1 }
    for i, path in ipairs(paths) do
      if not related[path[1]] and data[at][i] ~= nil then record.cells[path[1]] = data[at][i] end
    end
    local span = { data[at] }
    while data[at + #span] and any_filled(data[at + #span], lines)
      and not any_filled(data[at + #span], own) do
      span[#span + 1] = data[at + #span]
    end
    for _, name in ipairs(order) do
      local group, rows = related[name], {}
      for _, row in ipairs(span) do
        if any_filled(row, group.columns) then
          local part = {}
          for n, i in ipairs(group.columns) do part[n] = row[i] end
          rows[#rows + 1] = part
        end
      end
      local sub = env:model(model.fields[name].relation)
      record.cells[name] = #rows > 0 and extract(env, sub, group.paths, rows) or false
    end
    record.to = record.from + #span - 1
    records[#records + 1] = record
    at = at + #span
  end
  return records
end

-- Records into values ----------------------------------------------------------------------------

local Job = {}
Job.__index = Job

function Job:say(kind, info, fields)
  local message = { type = kind, record = info.record,
    rows = json.object({ "from", "to" }, { from = info.from, to = info.to }) }
  for k, v in pairs(fields) do message[k] = v end
  self.messages[#self.messages + 1] = message
  if kind == "error" then self.errors = self.errors + 1 end
end

function Job:report(info, f, problem)
  local fields = { field = f.name, message = (problem.message:gsub("%%f", function()
    return f.string
  end)) }
  for k, v in pairs(problem.more or {}) do fields[k] = v end
  if self.env.version >= 17 then fields.field_name = f.string end
  self:say(problem.instead == nil and "error" or "warning", info, fields)
end

function Job:flusher()
  return function(xmlid, model)
    if xmlid and not self.pending[xmlid] then return end
    if model and model ~= self.model.name then return end
    self:flush()
  end
end

-- A name without a module belongs to Odoo's own "__import__".
local function qualified(xmlid)
  xmlid = py.str(xmlid)
  return xmlid:find(".", 1, true) and xmlid or "__import__." .. xmlid
end

-- One cell of a relational column: an id, a list of ids, or lines to write with the record.
function Job:related(f, records, info, lines)
  local env = self.env
  local function warn(message)
    self:say("warning", info, { field = f.name,
      message = (message:gsub("%%f", function() return f.string end)) })
  end
  if f.type == "many2one" then
    local kind = cells.reference_kind(records[1].cells)
    return cells.reference(env, f, kind, records[1].cells[kind], self:flusher(), warn)
  end
  if f.type == "many2many" then
    local kind, ids = cells.reference_kind(records[1].cells), py.list()
    for item in (py.str(records[1].cells[kind]) .. ","):gmatch("([^,]*),") do
      ids[#ids + 1] = cells.reference(env, f, kind, item, self:flusher(), warn)
    end
    return py.list { py.list { 6, 0, ids } }
  end
  local sub = env:model(f.relation)
  for _, record in ipairs(records) do
    local line = { field = f, values = self:values(sub, record, info, f) }
    local dbid, xmlid = record.cells[".id"], record.cells.id
    if py.truth(dbid) then
      line.id = cells.reference(env, f, ".id", dbid, self:flusher(), warn)
    elseif py.truth(xmlid) then
      line.xmlid = qualified(xmlid)
      local row = xmlids.find(env, line.xmlid)
      line.id = row and row.model == sub.name and row.res_id or nil
    end
    lines[#lines + 1] = line
  end
  return nil
end

function Job:cell(f, cell, info, lines)
  if type(cell) == "table" and f.relation then return self:related(f, cell, info, lines or {}) end
  return cells.value(self.env, f, cell)
end

-- The values of one record; cells that cannot be read are reported and left out.
function Job:values(model, record, info, parent, lines)
  local values = {}
  for _, f in ipairs(model.list) do
    local cell = record.cells[f.name]
    if f.name == "id" or cell == nil then
      goto next_field
    elseif not py.truth(cell) then
      values[f.name] = false
    else
      local ok, v = pcall(self.cell, self, f, cell, info, lines)
      if ok then
        values[f.name] = v
      elseif not cells.is_problem(v) then
        error(v, 0)
      elseif parent then
        v.message = v.message:gsub("%%f", function() return "%f/" .. f.string end)
        error(v, 0)
      else
        self:report(info, f, v)
        values[f.name] = v.instead
      end
    end
    ::next_field::
  end
  return values
end

-- Writing ----------------------------------------------------------------------------------------

local function write_lines(env, id, lines)
  for _, line in ipairs(lines) do
    local sub = env:model(line.field.relation)
    line.values[line.field.inverse] = id
    if line.id then
      orm.write(env, sub, { line.id }, line.values)
    else
      line.id = orm.create(env, sub, line.values)
    end
    if line.xmlid then xmlids.set(env, line.xmlid, sub.name, line.id) end
  end
end

-- The record that an entry stands for already, or nil.
local function existing(env, model, entry)
  if not entry.xmlid then return entry.dbid end
  local row = xmlids.find(env, entry.xmlid)
  if not row then return nil end
  if row.model ~= model.name then
    faults.validation_error(("For external id %s when trying to create/update a record of model %s "
      .. "found record of different model %s (%d)"):format(entry.xmlid, model.name, row.model,
      row.id))
  end
  if env:row(model.name, row.res_id) then return row.res_id end
  env.log:delete(env:table("ir.model.data"), row.id)
  return nil
end

-- Names a record, and the one behind it, which gets the name of its model at the end (measured on 19).
local function give_name(env, model, xmlid, id)
  xmlids.set(env, xmlid, model.name, id)
  local field = model.behaviour.behind
  if not field then return end
  local far = model.fields[field].relation
  xmlids.set(env, xmlid .. "_" .. env:model(far).table, far, env:row(model.name, id)[field])
end

-- Updates, then creates, then external ids, as one; raises when any of them fails.
local function upsert(env, model, batch)
  local ids, seen = {}, {}
  for i, entry in ipairs(batch) do
    if entry.xmlid and seen[entry.xmlid] then
      faults.raise("psycopg2.errors.CardinalityViolation",
        "ON CONFLICT DO UPDATE command cannot affect row a second time\n")
    end
    if entry.xmlid then seen[entry.xmlid] = true end
    ids[i] = existing(env, model, entry)
  end
  for i, entry in ipairs(batch) do
    if ids[i] then orm.write(env, model, { ids[i] }, entry.values) end
  end
  for i, entry in ipairs(batch) do
    if not ids[i] then ids[i] = orm.create(env, model, entry.values) end
    write_lines(env, ids[i], entry.lines)
  end
  for i, entry in ipairs(batch) do
    if entry.xmlid then give_name(env, model, entry.xmlid, ids[i]) end
  end
  return ids
end

-- The message of a fault that one record raised.
local function words_for(env, fault)
  if fault.missing then
    local f = fault.missing.field
    return { field = f.name,
      message = ("Missing required value for the field '%s' (%s)"):format(f.string, f.name) }
  elseif fault.check and fault.check.unique then
    local names = fault.check.unique
    if #names == 1 then
      return { field = names[1], message = ("The value for the field '%s' already exists (this is "
        .. "probably '%s' in the current model)."):format(names[1],
        fault.model.fields[names[1]].string) }
    end
    local labels = {}
    for i, name in ipairs(names) do labels[i] = fault.model.fields[name].string end
    return { message = ("The values for the fields '%s' already exist (they are probably '%s' in "
      .. "the current model)."):format(table.concat(names, ", "), table.concat(labels, ", ")) }
  elseif fault.check then
    local text = fault.check.text
    return { message = env.version >= 19 and text or "'" .. text .. "'" }
  elseif faults.is_user_error(fault) or fault.class:find("^psycopg2") then
    return { message = fault.message }
  end
  return { message = ("Unknown error during import: <class '%s'>: %s"):format(
    fault.class:gsub("^builtins%.", ""), fault.message), moreinfo = "Resolve other errors first" }
end

-- Runs fn; on a fault everything it did is taken back and the fault returned.
local function attempt(env, fn)
  local mark, counts = env.log:mark(), {}
  for k, v in pairs(env.counts) do counts[k] = v end
  local ok, result = pcall(fn)
  if ok then return result end
  if not faults.is(result) then error(result, 0) end
  env.log:rollback(mark)
  env.counts = counts
  return nil, result
end

-- One by one, to name the records that fail. `overall` is what the whole batch was refused with.
function Job:one_by_one(batch, overall)
  local failed = 0
  for i, entry in ipairs(batch) do
    local ids, fault = attempt(self.env, function() return upsert(self.env, self.model, { entry }) end)
    if ids then
      self.ids[#self.ids + 1] = ids[1]
    else
      failed = failed + 1
      fault.model = self.model
      self:say("error", entry.info, words_for(self.env, fault))
      if failed >= 10 and failed >= i / 10 then
        self.messages[#self.messages + 1] = { type = "warning",
          message = "Found more than 10 errors and more than one error per 10 records, "
            .. "interrupted to avoid showing too many errors." }
        break
      end
    end
  end
  if failed == 0 or not overall or self.env.version < 17 then return end
  for _, m in ipairs(self.messages) do
    if m.message == overall.message and m.record == batch[1].info.record then return end
  end
  self:say("error", batch[1].info, { message = overall.message })
  table.insert(self.messages, 1, table.remove(self.messages))
end

function Job:flush()
  local batch = self.batch
  if #batch == 0 then return end
  self.batch, self.pending = {}, {}
  local ids, fault = attempt(self.env, function() return upsert(self.env, self.model, batch) end)
  if ids then
    table.move(ids, 1, #ids, #self.ids + 1, self.ids)
    return
  end
  local user_error = faults.is_user_error(fault) and not (fault.missing or fault.check
    or fault.duplicate)
  self:one_by_one(batch, user_error and fault or nil)
end

function Job:add(record, index)
  local info = { from = record.from, to = record.to, record = index }
  local env, model = self.env, self.model
  local dbid = record.cells[".id"]
  if dbid ~= nil then
    local id = math.tointeger(tonumber(py.str(dbid)))
    if not id or #query.search(env, model, py.list { py.list { "id", "=", id } }) == 0 then
      self:say("error", info, { field = ".id",
        message = ("Unknown database identifier '%s'"):format(py.str(dbid)) })
      id = nil
    end
    dbid = id
  end
  local lines = {}
  local values = self:values(model, record, info, nil, lines)
  local xmlid = py.truth(record.cells.id) and qualified(record.cells.id) or nil
  if xmlid then self.pending[xmlid] = true end
  self.batch[#self.batch + 1] =
    { xmlid = xmlid, dbid = dbid, values = values, info = info, lines = lines }
end

--- load(fields, data) -> { ids, messages, nextrow }
function load.run(env, model, _, p)
  security.check(env, model, "create")
  local paths = {}
  for i, column in ipairs(faults.iterable(p.fields)) do paths[i] = path_of(column) end
  local job = setmetatable({ env = env, model = model, batch = {}, pending = {}, ids = py.list(),
    messages = py.list(), errors = 0 }, Job)
  local mark, counts = env.log:mark(), {}
  for k, v in pairs(env.counts) do counts[k] = v end
  for i, record in ipairs(extract(env, model, paths, faults.iterable(p.data))) do
    job:add(record, i - 1)
  end
  job:flush()
  if job.errors > 0 then
    env.log:rollback(mark)
    env.counts = counts
    job.ids = false
  end
  return json.object({ "ids", "messages", "nextrow" },
    { ids = job.ids, messages = job.messages, nextrow = 0 })
end

return load
