---@meta navodoo
-- What `require "navodoo"` gives a flow, for editors and for readers: the words of a
-- declaration, and what stands in it. A spec compares this file with what the loader reads.

-- ---- the declaration -------------------------------------------------------------------

---@alias navodoo.Duration string  "250ms", "30s", "5m", "2h", "1d"
---@alias navodoo.TimeOfDay string  "02:30", or cron: "30 2 * * *"
---@alias navodoo.Value string|boolean|integer|navodoo.Decimal
---@alias navodoo.Term { [1]: string, [2]: "="|"!="|">"|">="|"<"|"<=", [3]: any }

---@class navodoo.FlowTable
---@field nav navodoo.FlowNav
---@field odoo navodoo.FlowOdoo
---@field link navodoo.FlowLink
---@field fields navodoo.FlowEntry[]    one line per field
---@field create navodoo.FlowCreate?    what new records get beside
---@field rules navodoo.Rule[]?         what a NAV record must keep, whichever way it goes
---@field conflict "review"|"nav"|"odoo"|"newest"|nil  both sides changed one field; "review" unless said
---@field gone navodoo.FlowGone?        a record is no longer there

---@class navodoo.FlowNav
---@field read string            web service to read from, such as "CustomerCard"
---@field write string?          and to write to, where that is another
---@field key string|string[]    the property, or properties, that name a record
---@field where navodoo.Term[]?  the records that count, all terms together
---@field watch navodoo.FlowNavWatch?
---@field number "series"|navodoo.FlowNumber|nil  how new records are numbered; without it none are made
---@field probe string?          number = "series": property in which a new record is found again
---@field block table<string, navodoo.Value>?  what gone.from_odoo = "block" writes

---@class navodoo.FlowNavWatch
---@field mode "stamp"|"scan"|"entry_no"|"change_log"|"integration_record"|nil
---@field stamp string?          property with the day, or the instant, of the last change
---@field every navodoo.Duration?
---@field scan navodoo.TimeOfDay?  a walk over all rows
---@field page string?           web service of the change log or the integration records
---@field table_no integer?      and the table that is watched there, such as 18

---@class navodoo.FlowNumber     prefix and the id in Odoo: O0000042
---@field prefix string
---@field digits integer

---@class navodoo.FlowOdoo
---@field model string           such as "res.partner"
---@field where (navodoo.Term|string)[]?  a domain
---@field archived boolean?      archived records count too
---@field watch navodoo.FlowOdooWatch?  with it, the flow writes into NAV

---@class navodoo.FlowOdooWatch
---@field every navodoo.Duration?
---@field hook string?           name of the webhook, for `navodoo hooks install`
---@field sweep navodoo.TimeOfDay?

---@class navodoo.FlowLink
---@field xmlid string           what external ids of this flow begin with
---@field alike boolean?         false: names that are nearly the same make no doubt
---@field cluster string?        flows whose cards may belong to one record of Odoo
---@field adopt { [1]: string, [2]: string }[]|{ [1]: string, [2]: string }|nil  values that tell one record from another
---@field unsure "review"|nil

---@class navodoo.FlowGone
---@field from_nav "review"|"archive"|"ignore"|nil
---@field from_odoo "review"|"block"|"ignore"|nil

--- A line of `fields`: { NAV, Odoo, map or lookup, options }.
---@class navodoo.FlowEntry
---@field [1] string|string[]|nil  properties of NAV
---@field [2] string|string[]      fields of Odoo
---@field [3] navodoo.Map|navodoo.Lookup|nil
---@field get (fun(...): ...)?     NAV's values, then navodoo.Context; a result per Odoo field, then why not
---@field put (fun(...): ...)?     Odoo's values, then navodoo.Context; a result per property, then why not
---@field required boolean?
---@field max integer|table<string, integer>|nil  characters, or by version: { nav2018 = 50, bc = 100 }
---@field owner "nav"|"odoo"|nil   only changes of that side travel
---@field shared string?           the flow whose card owns the field, when the partner has one there
---@field to "nav"|"odoo"|nil      one way only
---@field on_create boolean?       on new records only

---@class navodoo.FlowCreate
---@field nav table<string, navodoo.Value|navodoo.Lookup|(fun(record: table, ctx: navodoo.Context): any, string?)>?
---@field odoo table<string, navodoo.Value|navodoo.Lookup|(fun(record: table, ctx: navodoo.Context): any, string?)>?

-- ---- the words -------------------------------------------------------------------------

---@class navodoo
---@field null lightuserdata
---@field json navodoo.json
---@field decimal navodoo.decimal
local navodoo = {}

--- Begins a flow: `return flow "customer" { ... }`.
---@param name string
---@return fun(declaration: navodoo.FlowTable): navodoo.Flow
function navodoo.flow(name) end

--- A secret by its name; its value comes from environment, file or systemd.
---@param name string
function navodoo.secret(name) end

--- Codes of NAV to records or codes of Odoo, and back; by the tables of `lookups/`.
---@class navodoo.lookups
---@field country navodoo.Lookup
---@field currency navodoo.Lookup
---@field language navodoo.Lookup
---@field payment_term navodoo.Lookup
---@field [string] navodoo.Lookup
local lookup = {}

--- A lookup whose name is not a word of Lua.
---@param name string
---@return navodoo.Lookup
function lookup.table(name) end

--- The record that another flow linked: its NAV key to its id in Odoo, and back.
---@param flow string
---@return navodoo.Lookup
function lookup.link(flow) end

--- Transforms for the third place of an entry.
---@class navodoo.maps
---@field lower navodoo.Map    small letters
---@field upper navodoo.Map    capital letters
---@field trim navodoo.Map     without white space at both ends
---@field compact navodoo.Map  registration numbers, as numbers are compared
---@field url navodoo.Map
---@field money navodoo.Map    an exact amount
---@field integer navodoo.Map  a whole number
---@field address navodoo.Map  two address lines to two
---@field item_type navodoo.Map  the type of an item; fills type and is_storable, or what older Odoos have
local map = {}

--- The same value on every record; takes no NAV field.
---@param v navodoo.Value
---@return navodoo.Map
function map.constant(v) end

--- Raises a lower number to `n`, leaves a higher one.
---@param n integer
---@return navodoo.Map
function map.at_least(n) end

--- Options of NAV to values of Odoo. Where several stand for one value, `back` says which of
--- them is written into NAV: `map.choice({ [" "] = true, Company = true }, { [true] = "Company" })`.
---@param options table<string, navodoo.Value>
---@param back table<navodoo.Value, string>?
---@return navodoo.Map
function map.choice(options, back) end

--- A text of at most `max` characters.
---@param options { max: integer, policy: "refuse"|"cut"|nil }
---@return navodoo.Map
function map.text(options) end

---@class navodoo.RuleTable
---@field [integer] string     properties of NAV
---@field required boolean?
---@field pattern string?      a Lua pattern
---@field max integer?
---@field one_of any[]?
---@field check (fun(...): boolean, string?)?  the values, then the record

--- `rule "what it demands" { "Field", required = true }`
---@class navodoo.rules
---@overload fun(name: string): fun(spec: navodoo.RuleTable): navodoo.Rule
local rule = {}

--- The form of a VAT number, by its country.
---@param spec { [1]: string, country: string? }
---@return navodoo.Rule
function rule.vat(spec) end

--- One or several e-mail addresses.
---@param spec string|{ [1]: string }
---@return navodoo.Rule
function rule.email(spec) end

navodoo.lookup, navodoo.map, navodoo.rule = lookup, map, rule

return navodoo
