--- Where the systems are, per environment: `navodoo run flows/ --env prod`.
--
-- Passwords are never written here: `secret "NAME"` is read from the environment, from a file
-- or from systemd. Only the sandbox on this machine has a default.
local navodoo = require "navodoo"
local secret = navodoo.secret

-- How an endpoint signs in: auth = "basic", "ntlm", "negotiate" or "oauth2" for NAV, "password",
-- "api_key" or "session" for Odoo (README, Signing in); expires = "2027-01-31" warns in time.
-- A url that ends in /ODataV4 is NAV 2017 or later; one that ends in /OData is OData V3, for NAV 2013
-- to 2016. Behind a proxy that names it otherwise, protocol = "odata_v3" or "odata_v4" says which.
return {
  default = "dev",

  -- what holds in every environment
  endpoints = {
    nav  = { kind = "nav", company = "CRONUS International Ltd.", user = "navodoo",
             password = secret "NAV_PASSWORD", zone = "Europe/Berlin", page_size = 1000,
             settle = "8m" },
    -- hook_secret: what the addresses of Odoo's webhooks are made from (navodoo hooks)
    odoo = { kind = "odoo", password = secret "ODOO_PASSWORD", batch = 200, settle = "120s",
             hook_secret = secret "HOOK_SECRET" },
  },

  environments = {
    -- navodoo sandbox
    dev = {
      nav  = { url = "http://127.0.0.1:7048/DynamicsNAV110/ODataV4", settle = "1s",
               password = secret "NAV_PASSWORD" { default = "sandbox" } },
      odoo = { url = "http://127.0.0.1:8069", database = "sandbox", user = "navodoo@example.com",
               settle = "1s", password = secret "ODOO_PASSWORD" { default = "sandbox" },
               hook_url = "http://127.0.0.1:8470", hook_secret = secret "HOOK_SECRET" { default = "sandbox" } },
    },
    qa = {
      nav  = { url = "https://nav-qa.example.com:7048/DynamicsNAV110/ODataV4" },
      odoo = { url = "https://odoo-qa.example.com", database = "qa", user = "navodoo@example.com" },
    },
    prod = {
      nav  = { url = "https://nav.example.com:7048/DynamicsNAV110/ODataV4" },
      odoo = { url = "https://odoo.example.com", database = "prod", user = "navodoo@example.com" },
    },
  },
}
