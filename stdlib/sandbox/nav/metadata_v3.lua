--- $metadata of OData V3: EDMX 1.0, associations in place of containment, no lengths.

local pages = require "sandbox.nav.pages"

local metadata_v3 = {}

-- A day and an instant are one type.
local TYPE <const> = { ["Edm.Date"] = "Edm.DateTime", ["Edm.DateTimeOffset"] = "Edm.DateTime" }

local HEAD <const> = [[
<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">
 <edmx:DataServices xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
   m:DataServiceVersion="1.0" m:MaxDataServiceVersion="3.0">
  <Schema xmlns="http://schemas.microsoft.com/ado/2007/05/edm" Namespace="NAV">]]

local function type_of(page)
  local lines, refs = { ('   <EntityType Name="%s">'):format(page.service) }, {}
  for n, name in ipairs(page.keys) do refs[n] = ('<PropertyRef Name="%s"/>'):format(name) end
  lines[2] = "    <Key>" .. table.concat(refs) .. "</Key>"
  for _, property in ipairs(page.properties) do
    lines[#lines + 1] = ('    <Property Name="%s" Type="%s"%s/>'):format(property.name,
      TYPE[property.edm] or property.edm, page.is_key[property.name] and ' Nullable="false"'
      or property.etag and ' ConcurrencyMode="Fixed"' or "")
  end
  lines[#lines + 1] = "   </EntityType>"
  return table.concat(lines, "\n")
end

-- A piece for every page, its name in place of %s.
local function each(lines, piece)
  for _, page in ipairs(pages.list) do lines[#lines + 1] = (piece:gsub("%%s", page.service)) end
end

local document

--- The metadata document: XML, the same for every company.
---@return string
function metadata_v3.xml()
  if document then return document end
  local lines = { HEAD }
  for _, page in ipairs(pages.list) do lines[#lines + 1] = type_of(page) end
  lines[#lines + 1] = '   <EntityType Name="Company">\n    <Key><PropertyRef Name="Name"/></Key>\n'
    .. '    <Property Name="Name" Type="Edm.String" Nullable="false"/>'
  each(lines, '    <NavigationProperty Name="%s" Relationship="NAV.Company_%s" ToRole="%s" FromRole="Company"/>')
  lines[#lines + 1] = "   </EntityType>"
  each(lines, '   <Association Name="Company_%s">\n    <End Type="NAV.%s" Role="%s" Multiplicity="*"/>\n'
    .. '    <End Type="NAV.Company" Role="Company" Multiplicity="*"/>\n   </Association>')
  lines[#lines + 1] = '   <EntityContainer Name="NAV" m:IsDefaultEntityContainer="true">\n'
    .. '    <EntitySet Name="Company" EntityType="NAV.Company"/>'
  each(lines, '    <EntitySet Name="%s" EntityType="NAV.%s"/>')
  each(lines, '    <AssociationSet Name="Company_%s_%s" Association="NAV.Company_%s">\n'
    .. '     <End Role="Company" EntitySet="Company"/>\n     <End Role="%s" EntitySet="%s"/>\n    </AssociationSet>')
  lines[#lines + 1] = "   </EntityContainer>\n  </Schema>\n </edmx:DataServices>\n</edmx:Edmx>\n"
  document = table.concat(lines, "\n")
  return document
end

return metadata_v3
