--- $metadata and the service document of the published pages.

local json = require "navodoo.json"
local pages = require "sandbox.nav.pages"

local metadata = {}

local COMPANY <const> = {
  { "Name", "Edm.String", "Nullable=\"false\" MaxLength=\"30\"" },
  { "Evaluation_Company", "Edm.Boolean", "Nullable=\"false\"" },
  { "Display_Name", "Edm.String", "MaxLength=\"250\"" },
  { "Id", "Edm.Guid", "Nullable=\"false\"" },
}

local FACETS <const> = {
  ["Edm.Decimal"] = "Nullable=\"false\" Scale=\"Variable\"", ["Edm.Int32"] = "Nullable=\"false\"",
  ["Edm.Boolean"] = "Nullable=\"false\"", ["Edm.Date"] = "Nullable=\"false\"",
  ["Edm.DateTimeOffset"] = "Nullable=\"false\"", ["Edm.Int64"] = "Nullable=\"false\"",
  ["Edm.Guid"] = "Nullable=\"false\"",
}

local function property_line(name, edm, facets)
  return ("    <Property Name=\"%s\" Type=\"%s\"%s/>"):format(name, edm,
    facets ~= "" and " " .. facets or "")
end

local function facets_of(page, property)
  local facets = FACETS[property.edm] or ""
  local field = property.field
  if page.is_key[property.name] then facets = "Nullable=\"false\"" end
  if field and field.length then
    facets = (facets ~= "" and facets .. " " or "") .. ("MaxLength=\"%d\""):format(field.length)
  end
  return facets
end

local function page_type(lines, page)
  lines[#lines + 1] = ("   <EntityType Name=\"%s\">"):format(page.service)
  local refs = {}
  for n, name in ipairs(page.keys) do refs[n] = ('<PropertyRef Name="%s"/>'):format(name) end
  lines[#lines + 1] = "    <Key>" .. table.concat(refs) .. "</Key>"
  for _, property in ipairs(page.properties) do
    lines[#lines + 1] = property_line(property.name, property.edm, facets_of(page, property))
  end
  lines[#lines + 1] = "   </EntityType>"
end

local document

--- The metadata document: XML, the same for every company.
---@return string
function metadata.xml()
  if document then return document end
  local lines = {
    '<?xml version="1.0" encoding="utf-8"?>',
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">',
    " <edmx:DataServices>",
    '  <Schema Namespace="NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
    '   <EntityType Name="Company">',
    '    <Key><PropertyRef Name="Name"/></Key>',
  }
  for _, p in ipairs(COMPANY) do lines[#lines + 1] = property_line(p[1], p[2], p[3]) end
  for _, page in ipairs(pages.list) do
    lines[#lines + 1] = ("    <NavigationProperty Name=\"%s\" Type=\"Collection(NAV.%s)\" ContainsTarget=\"true\"/>")
      :format(page.service, page.service)
  end
  lines[#lines + 1] = "   </EntityType>"
  for _, page in ipairs(pages.list) do page_type(lines, page) end
  lines[#lines + 1] = '   <EntityContainer Name="NAV">'
  lines[#lines + 1] = '    <EntitySet Name="Company" EntityType="NAV.Company"/>'
  for _, page in ipairs(pages.list) do
    lines[#lines + 1] = ("    <EntitySet Name=\"%s\" EntityType=\"NAV.%s\"/>"):format(page.service, page.service)
  end
  for _, line in ipairs { "   </EntityContainer>", "  </Schema>", " </edmx:DataServices>", "</edmx:Edmx>" } do
    lines[#lines + 1] = line
  end
  document = table.concat(lines, "\n") .. "\n"
  return document
end

local function listed(its, context, list)
  local parts = {}
  for n, each in ipairs(list) do parts[n] = json.encode(each) end
  return its.list({ context = context }, table.concat(parts, ","))
end

--- The service document.
---@param root string   absolute address up to and with /ODataV4 or /OData
---@param its sandbox.nav.Wire
---@return string
function metadata.service(root, its)
  local sets = {}
  local function add(name)
    sets[#sets + 1] = json.object({ "name", "kind", "url" }, { name = name, kind = "EntitySet", url = name })
  end
  add("Company")
  for _, page in ipairs(pages.list) do add(page.service) end
  return listed(its, root .. "/$metadata", sets)
end

local function company_record(state, context, its)
  if its.v3 then
    return json.object({ "odata.metadata", "Name" }, { ["odata.metadata"] = context, Name = state.company })
  end
  return json.object({ "@odata.context", "Name", "Evaluation_Company", "Display_Name", "Id" }, {
    ["@odata.context"] = context, Name = state.company, Evaluation_Company = false, Display_Name = "",
    Id = state.company_id,
  })
end

--- The list of companies, or one of them.
---@param state table
---@param root string
---@param single boolean
---@param its sandbox.nav.Wire
---@return string
function metadata.companies(state, root, single, its)
  local context = its.context(root, nil, "Company", single)
  if single then return its.record(json.encode(company_record(state, context, its))) end
  local list, names = { company_record(state, nil, its) }, {}
  for name in pairs(state.others) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do list[#list + 1] = company_record(state.others[name], nil, its) end
  return listed(its, context, list)
end

return metadata
