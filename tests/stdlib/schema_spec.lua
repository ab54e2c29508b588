--- Stored schemas: the file format, what differs, and what an editor gets.

local annotate = require "navodoo.annotate"
local json = require "navodoo.json"
local schema = require "navodoo.schema"

local function partner()
  return { entity = "res.partner", endpoint = "odoo", kind = "odoo", server = "19.0", key = json.array { "id" },
           fields = {
    name = { type = "char", label = 'The "name"', required = true, readonly = false, stored = true, by_company = false,
             max = 128 },
    active = { type = "boolean", label = "Active", required = false, readonly = false, stored = true,
               by_company = false },
    country_id = { type = "many2one", relation = "res.country", label = "Country", required = false, readonly = false,
                   stored = true, by_company = false },
    type = { type = "selection", options = json.array { "contact", "other" }, required = false, readonly = true,
             stored = false, by_company = true },
  } }
end

describe("navodoo.schema", function()
  it("writes one field a line, sorted, and only what is special", function()
    expect(schema.encode(partner())):equals [[
{
"entity": "res.partner",
"endpoint": "odoo",
"kind": "odoo",
"server": "19.0",
"key": ["id"],
"fields": {
"active": {"label":"Active","type":"boolean"},
"country_id": {"label":"Country","relation":"res.country","type":"many2one"},
"name": {"label":"The \"name\"","max":128,"required":true,"type":"char"},
"type": {"by_company":true,"options":["contact","other"],"readonly":true,"stored":false,"type":"selection"}
}
}
]]
  end)
  it("reads back what it wrote", function()
    local read = assert(schema.decode(schema.encode(partner()), "x.json"))
    expect(read):equals(partner())
    expect(#schema.diff(partner(), read)):equals(0)
    expect(schema.encode(read)):equals(schema.encode(partner()))
  end)
  it("tells what is gone, new and changed, by field", function()
    local new, told = partner(), {}
    new.fields.active = nil
    new.fields.city = { type = "char" }
    new.fields.name.max, new.fields.name.required = nil, false
    new.fields.type.options = json.array { "contact" }
    new.fields.country_id.label = "Land" -- for people only
    new.key = json.array { "id", "x" }
    for i, d in ipairs(schema.diff(partner(), new)) do told[i] = schema.tell(d) end
    expect(table.concat(told, "\n")):equals [=[
(key): key was ["id"], is ["id","x"]
active is gone (boolean)
city is new (char)
name: max was 128, is -
name: required was true, is false
type: options was ["contact","other"], is ["contact"]]=]
  end)
  it("takes what is usual for said, as live schemas of NAV leave it out", function()
    local live = partner()
    live.fields.name.stored, live.fields.name.by_company = nil, nil
    expect(#schema.diff(partner(), live)):equals(0)
  end)
end)

describe("navodoo.annotate", function()
  local text = annotate.text { odoo = { ["res.partner"] = partner() }, nav = { CustomerCard = {
    entity = "CustomerCard", kind = "nav", key = json.array { "No" }, fields = {
      No = { type = "char", max = 20 }, Balance = { type = "decimal" }, ["Odd-name"] = { type = "date" } } } } }

  it("is Lua that runs and gives a module", function()
    local chunk = assert(load(text, "=types.lua", "t", {}))
    expect(type(chunk())):equals "table"
  end)
  it("has a class for each page and model, and lists of their names", function()
    for _, line in ipairs {
      "---@meta navodoo",
      "---@class nav.CustomerCard",
      "---@field Balance navodoo.Decimal?",
      '---@field ["Odd-name"] string?  YYYY-MM-DD',
      "---@field No string?  at most 20",
      "---@class odoo.res.partner",
      '---@field country_id integer?  Country; id in res.country',
      '---@field type string?  contact | other; read only',
      '---@alias navodoo.NavField\n---| "Balance"\n---| "No"\n---| "Odd-name"\n',
      '---@alias navodoo.NavPage\n---| "CustomerCard"\n',
      '---@alias navodoo.OdooModel\n---| "res.partner"\n',
      '---@alias navodoo.OdooField\n---| "active"\n---| "country_id"\n---| "name"\n---| "type"\n',
    } do expect(text:find(line, 1, true) ~= nil and line or "no " .. line):equals(line) end
  end)
  it("has aliases without a schema too", function()
    expect(annotate.text {}):matches "%-%-%-@alias navodoo.NavPage string\n"
  end)
end)
