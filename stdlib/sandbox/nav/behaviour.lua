--- What each table does when it is written, by its name.

return {
  Customer = require "sandbox.nav.customer",
  Vendor = require "sandbox.nav.vendor",
  Item = require "sandbox.nav.item",
  Contact = require "sandbox.nav.contact",
  ["Ship-to Address"] = require "sandbox.nav.shipto",
}
