--- Countries, their towns and post codes, and the words that firms there are named with.
--
-- Facts only: what Country/Region and Post Code hold in the NAV, and what `sandbox.people` builds
-- names from. The order of the list is part of the seed: add at the end. A word in another script
-- comes with its Latin form, from which mail domains are made.

local function before(street, house) return street .. " " .. house end
local function after(street, house) return house .. " " .. street end
local function comma(street, house) return street .. ", " .. house end

local function long_german(core, town)
  return core .. " Vertriebs- und Verwaltungsgesellschaft " .. town
end
local function long_english(core, town)
  return core .. " International Trading and Holdings of " .. town
end
local function long_french(core, town) return core .. " et associés, établissements de " .. town end
local function long_plain(core, town) return core .. " International Distribution " .. town end

local FIRST_DE <const> = { "Anna", "Jürgen", "Björn", "Käthe", "Thomas", "Sabine", "Uwe", "Jörg" }
local FIRST_EN <const> = { "James", "Siobhán", "Emma", "Oliver", "Grace", "Zoë", "Harry", "Amelia" }
local FIRST_FR <const> = { "Élodie", "François", "Chloé", "Benoît", "Amélie", "Gaël", "Hélène" }

local DE_FAMILIES <const> = {
  "Müller", "Schäfer", "Großmann", "Weiß", "Jäger", "König", "Böhm", "Krüger", "Schröder", "Köhler",
  "Hübner", "Strauß", "Wörner", "Lindemann", "Bäcker", "Vogt", "Fürst", "Dörr", "Haßler", "Brückner",
  "Zöllner", "Eßer", "Kühn", "Ostermeier", "Thömmes", "Ullrich", "Förster", "Grüner", "Heß", "Nägele",
}
local DE_TRADES <const> = {
  "Maschinenbau", "Möbelwerk", "Getränkehandel", "Elektrotechnik", "Sanitär & Heizung",
  "Büromöbel", "Werkzeuge", "Feinmechanik", "Kälteanlagen", "Fördertechnik", "Baustoffe",
  "Blechbearbeitung", "Großhandel", "Textilveredelung", "Möbelhaus", "Prüftechnik", "Gerüstbau",
  "Lüftungstechnik", "Schließanlagen", "Verpackungen",
}

local list = {
  { code = "DE", name = "Germany", weight = 300, dial = "49", language = "de_DE", currency = "EUR",
    families = DE_FAMILIES, trades = DE_TRADES, first_names = FIRST_DE, phone_digits = 7,
    legal_forms = { "GmbH", "GmbH", "GmbH & Co. KG", "AG", "KG", "e. K." },
    streets = { "Hauptstraße", "Goethestraße", "Am Güterbahnhof", "Industriestraße",
                "Königsallee", "An der Mühle", "Römerweg", "Carl-Benz-Straße" },
    second_lines = { "Gebäude 4", "Hinterhaus", "2. Obergeschoss", "Postfach 10 20 30" },
    street = before, long_name = long_german, mailboxes = { "info", "kontakt", "einkauf" },
    towns = {
      { name = "Köln", zips = { "50667", "50823", "51105" }, area = "221" },
      { name = "München", zips = { "80331", "80995" }, area = "89" },
      { name = "Berlin", zips = { "10115", "10969", "13353" }, area = "30" },
      { name = "Düsseldorf", zips = { "40210" }, area = "211" },
      { name = "Saarbrücken", zips = { "66111" }, area = "681" },
      { name = "Görlitz", zips = { "02826" }, area = "3581" },
      { name = "Hamburg", zips = { "20095", "22763" }, area = "40" },
      { name = "Gießen", zips = { "35390" }, area = "641" },
    } },
  { code = "AT", name = "Austria", weight = 70, dial = "43", language = "de_AT", currency = "EUR",
    families = { "Gruber", "Höller", "Zauner", "Pöschl", "Steßl", "Wögerer", "Mayrhofer", "Ötzlinger",
                 "Kröll", "Lechner", "Prüller" },
    trades = DE_TRADES, first_names = FIRST_DE, phone_digits = 6,
    legal_forms = { "GmbH", "GesmbH", "OG", "AG" },
    streets = { "Mariahilfer Straße", "Südtiroler Platz", "Lindengasse", "Mühlkreisstraße" },
    second_lines = { "Stiege 2", "Top 14" },
    street = before, long_name = long_german, mailboxes = { "office", "verkauf" },
    towns = {
      { name = "Wien", zips = { "1010", "1150", "1220" }, area = "1" },
      { name = "Graz", zips = { "8010" }, area = "316" },
      { name = "Linz", zips = { "4020" }, area = "732" },
      { name = "St. Pölten", zips = { "3100" }, area = "2742" },
    } },
  { code = "CH", name = "Switzerland", weight = 50, dial = "41", language = "de_CH", currency = "CHF",
    families = { "Bühler", "Zürcher", "Aebischer", "Lüthi", "Rüegg", "Ganterbein", "Hürlimann" },
    trades = DE_TRADES, first_names = FIRST_DE, phone_digits = 7,
    legal_forms = { "AG", "GmbH", "Sàrl", "SA" },
    streets = { "Bahnhofstrasse", "Rue du Rhône", "Langstrasse", "Chemin des Mûriers" },
    second_lines = { "Postfach", "Case postale 12" },
    street = before, long_name = long_german, mailboxes = { "info", "verkauf" },
    towns = {
      { name = "Zürich", zips = { "8001", "8050" }, area = "44" },
      { name = "Genève", zips = { "1204" }, area = "22" },
      { name = "Bern", zips = { "3011" }, area = "31" },
      { name = "Neuchâtel", zips = { "2000" }, area = "32" },
    } },
  { code = "FR", name = "France", weight = 80, dial = "33", language = "fr_FR", currency = "EUR",
    families = { "Lefèvre", "Garnier", "Béranger", "Müller", "François", "Chéron", "Noël", "Périgord",
                 "Gaultier", "D’Aubigné", "Maçon", "Hébert" },
    trades = { "Mécanique", "Équipements", "Meubles", "Électricité", "Boissons", "Négoce",
               "Matériaux", "Hôtellerie", "Imprimerie", "Décoration" },
    first_names = FIRST_FR, phone_digits = 8,
    legal_forms = { "SARL", "SAS", "SA" },
    streets = { "Rue de la République", "Avenue Émile Zola", "Boulevard Gambetta",
                "Rue du Château", "Place de l'Église" },
    second_lines = { "Bâtiment C", "BP 1204", "Zone industrielle" },
    street = after, long_name = long_french, mailboxes = { "contact", "commandes" },
    towns = {
      { name = "Paris", zips = { "75001", "75011" }, area = "1" },
      { name = "Orléans", zips = { "45000" }, area = "2" },
      { name = "Besançon", zips = { "25000" }, area = "3" },
      { name = "Saint-Étienne", zips = { "42000" }, area = "4" },
    } },
  { code = "NL", name = "Netherlands", weight = 60, dial = "31", language = "nl_NL", currency = "EUR",
    families = { "van Dijk", "de Groot", "Jansen", "Visser", "van den Brink", "Hoekstra", "Smeets" },
    trades = { "Machines", "Meubelen", "Elektro", "Dranken", "Bouwstoffen", "Verpakkingen",
               "Koeltechniek", "Transport" },
    first_names = { "Daan", "Femke", "Joost", "Anouk", "Renée", "Sjoerd" }, phone_digits = 7,
    legal_forms = { "B.V.", "B.V.", "N.V." },
    streets = { "Herengracht", "Stationsstraat", "Coolsingel", "Kerkstraat" },
    second_lines = { "2e verdieping", "Postbus 881" },
    street = before, long_name = long_plain, mailboxes = { "info", "inkoop" },
    towns = {
      { name = "Amsterdam", zips = { "1012 AB", "1071 ZC" }, area = "20" },
      { name = "Rotterdam", zips = { "3011 BD" }, area = "10" },
      { name = "'s-Hertogenbosch", zips = { "5211 JK" }, area = "73" },
    } },
  { code = "PL", name = "Poland", weight = 60, dial = "48", language = "pl_PL", currency = "PLN",
    families = { "Kowalski", "Wójcik", "Dąbrowski", "Żółkiewski", "Śliwiński", "Gołębiewski", "Zając" },
    trades = { "Maszyny", "Meble", "Narzędzia", "Hurtownia", "Budownictwo", "Napoje",
               "Elektronika", "Chłodnictwo" },
    first_names = { "Łukasz", "Małgorzata", "Paweł", "Zofia", "Grażyna", "Michał" }, phone_digits = 7,
    legal_forms = { "Sp. z o.o.", "Sp. z o.o.", "S.A." },
    streets = { "ulica Piotrkowska", "ulica Świętokrzyska", "Aleje Jerozolimskie", "ulica Długa" },
    second_lines = { "lok. 12", "piętro 3" },
    street = before, long_name = long_plain, mailboxes = { "biuro", "kontakt" },
    towns = {
      { name = "Łódź", zips = { "90-001", "92-318" }, area = "42" },
      { name = "Warszawa", zips = { "00-001" }, area = "22" },
      { name = "Kraków", zips = { "30-001" }, area = "12" },
      { name = "Wrocław", zips = { "50-001" }, area = "71" },
    } },
  { code = "IT", name = "Italy", weight = 50, dial = "39", language = "it_IT", currency = "EUR",
    families = { "Rossi", "Nicolò", "Esposito", "De Santis", "D'Angelo", "Pezzè", "Ferrari" },
    trades = { "Macchine", "Arredamenti", "Elettronica", "Bevande", "Edilizia", "Utensili" },
    first_names = { "Niccolò", "Giulia", "Andrea", "Chiara", "Matteo" }, phone_digits = 7,
    legal_forms = { "S.r.l.", "S.r.l.", "S.p.A." },
    streets = { "Via Garibaldi", "Corso d'Italia", "Viale della Libertà", "Via Nazionale" },
    second_lines = { "Scala B", "Palazzina 2" },
    street = comma, long_name = long_plain, mailboxes = { "info", "ordini" },
    towns = {
      { name = "Milano", zips = { "20121" }, area = "02" },
      { name = "Forlì", zips = { "47121" }, area = "0543" },
      { name = "Bologna", zips = { "40121" }, area = "051" },
    } },
  { code = "ES", name = "Spain", weight = 40, dial = "34", language = "es_ES", currency = "EUR",
    families = { "García", "Núñez", "Ibáñez", "Peña", "López", "Muñoz", "Sánchez" },
    trades = { "Maquinaria", "Muebles", "Electrónica", "Bebidas", "Construcción", "Logística" },
    first_names = { "José", "Begoña", "Íñigo", "María", "Sofía" }, phone_digits = 6,
    legal_forms = { "S.L.", "S.L.", "S.A." },
    streets = { "Calle Mayor", "Avenida de la Constitución", "Paseo de Gràcia", "Calle Alcalá" },
    second_lines = { "2º Izq.", "Nave 7" },
    street = comma, long_name = long_plain, mailboxes = { "info", "pedidos" },
    towns = {
      { name = "Madrid", zips = { "28001", "28045" }, area = "91" },
      { name = "A Coruña", zips = { "15001" }, area = "981" },
      { name = "Málaga", zips = { "29001" }, area = "952" },
    } },
  { code = "GB", name = "Great Britain", weight = 90, dial = "44", language = "en_GB", currency = "GBP",
    families = { "Cannon", "O'Neill", "Whitby", "Ashcroft", "MacAllister", "Fitzgerald", "Blackwood",
                 "Tregenza", "Penhaligon", "St. John", "Brontë" },
    trades = { "Furniture", "Engineering", "Instruments", "Home Furnishings", "Wholesale", "Brewing",
               "Plumbing Supplies", "Packaging", "Fasteners", "Tooling" },
    first_names = FIRST_EN, phone_digits = 7,
    legal_forms = { "Ltd.", "Ltd.", "plc", "LLP" },
    streets = { "Market Square", "High Street", "Station Road", "Queen's Road", "Church Lane" },
    second_lines = { "Unit 4B", "Riverside Business Park", "3rd Floor" },
    street = after, long_name = long_english, mailboxes = { "accounts", "sales", "info" },
    towns = {
      { name = "Birmingham", zips = { "B27 4KT", "B31 2AL" }, area = "121" },
      { name = "London", zips = { "EC1A 1BB", "W1A 1HQ" }, area = "20" },
      { name = "Newcastle upon Tyne", zips = { "NE1 7RU" }, area = "191" },
      { name = "Cardiff", zips = { "CF10 1EP" }, area = "29" },
    } },
  { code = "DK", name = "Denmark", weight = 35, dial = "45", language = "da_DK", currency = "DKK",
    families = { "Sørensen", "Kjær", "Ågård", "Bæk", "Nørgaard", "Holm" },
    trades = { "Møbler", "Maskinfabrik", "Køleteknik", "Værktøj", "Byggeri" },
    first_names = { "Søren", "Bodil", "Jørgen", "Maja" }, phone_digits = 6,
    legal_forms = { "A/S", "ApS" }, streets = { "Østergade", "Ringvej", "Nørrebrogade" },
    second_lines = { "1. sal", "Port 5" },
    street = before, long_name = long_plain, mailboxes = { "info", "salg" },
    towns = {
      { name = "København", zips = { "1050", "2100" }, area = "33" },
      { name = "Ålborg", zips = { "9000" }, area = "98" },
    } },
  { code = "SE", name = "Sweden", weight = 35, dial = "46", language = "sv_SE", currency = "SEK",
    families = { "Åkesson", "Björk", "Sjöberg", "Öberg", "Lindqvist", "Häggström" },
    trades = { "Möbler", "Verkstad", "Kylteknik", "Verktyg", "Bygg" },
    first_names = { "Åsa", "Göran", "Märta", "Nils" }, phone_digits = 6,
    legal_forms = { "AB" }, streets = { "Drottninggatan", "Södra vägen", "Kungsgatan" },
    second_lines = { "Box 114", "2 tr." },
    street = before, long_name = long_plain, mailboxes = { "info", "order" },
    towns = {
      { name = "Göteborg", zips = { "411 03" }, area = "31" },
      { name = "Malmö", zips = { "211 22" }, area = "40" },
    } },
  { code = "HU", name = "Hungary", weight = 25, dial = "36", language = "hu_HU", currency = "HUF",
    families = { "Kovács", "Szőke", "Tóth", "Fűzfa", "Kőrösi" },
    trades = { "Gépgyár", "Bútor", "Építő", "Italok", "Szerszám" },
    first_names = { "Ágnes", "István", "Zsófia", "László" }, phone_digits = 6,
    legal_forms = { "Kft.", "Kft.", "Zrt." }, streets = { "Rákóczi út", "Petőfi utca", "Fő utca" },
    second_lines = { "II. emelet 5." },
    street = function(street, house) return street .. " " .. house .. "." end,
    long_name = long_plain, mailboxes = { "iroda", "info" },
    towns = {
      { name = "Győr", zips = { "9021" }, area = "96" },
      { name = "Budapest", zips = { "1051", "1138" }, area = "1" },
    } },
  { code = "CZ", name = "Czech Republic", weight = 30, dial = "420", language = "cs_CZ", currency = "CZK",
    families = { "Dvořák", "Novotný", "Růžička", "Ježek", "Šťastný" },
    trades = { "Strojírna", "Nábytek", "Nářadí", "Stavby", "Obaly" },
    first_names = { "Jiří", "Věra", "Ondřej", "Božena" }, phone_digits = 6,
    legal_forms = { "s.r.o.", "s.r.o.", "a.s." }, streets = { "Náměstí Míru", "Vinohradská", "Údolní" },
    second_lines = { "hala 3" },
    street = before, long_name = long_plain, mailboxes = { "info", "obchod" },
    towns = {
      { name = "Brno", zips = { "602 00" }, area = "541" },
      { name = "Plzeň", zips = { "301 00" }, area = "377" },
    } },
  { code = "BE", name = "Belgium", weight = 20, dial = "32", language = "nl_BE", currency = "EUR",
    families = { "Peeters", "Claes", "Dubois", "Hanssens", "Lemaître", "Willems" },
    trades = { "Logistics", "Meubelen", "Brouwerij", "Chocolaterie", "Drukkerij", "Glas" },
    first_names = { "Lies", "Jérôme", "Koen" }, phone_digits = 6,
    legal_forms = { "NV", "BV" }, streets = { "Wetstraat", "Rue Neuve" }, second_lines = { "bus 3" },
    street = before, long_name = long_plain, mailboxes = { "info" },
    towns = { { name = "Liège", zips = { "4000" }, area = "4" },
              { name = "Antwerpen", zips = { "2000" }, area = "3" } } },
  { code = "FI", name = "Finland", weight = 10, dial = "358", language = "fi_FI", currency = "EUR",
    families = { "Mäkinen", "Hämäläinen", "Yrjölä", "Virtanen", "Pöysti" },
    trades = { "Kone", "Kaluste", "Rakennus", "Sähkö", "Kuljetus" },
    first_names = { "Päivi", "Väinö" }, phone_digits = 6,
    legal_forms = { "Oy" }, streets = { "Mannerheimintie", "Hämeenkatu" }, second_lines = { "B 12" },
    street = before, long_name = long_plain, mailboxes = { "info" },
    towns = { { name = "Jyväskylä", zips = { "40100" }, area = "14" } } },
  { code = "GR", name = "Greece", weight = 8, dial = "30", language = "el_GR", currency = "EUR",
    script = true,
    families = { { "Παπαδόπουλος", "papadopoulos" }, { "Οικονόμου", "oikonomou" },
                 { "Νικολάου", "nikolaou" }, { "Βασιλείου", "vasileiou" }, { "Γεωργίου", "georgiou" } },
    trades = { { "Έπιπλα", "epipla" }, { "Μηχανές", "michanes" }, { "Ποτά", "pota" },
               { "Εργαλεία", "ergaleia" }, { "Οικοδομές", "oikodomes" } },
    first_names = { "Ελένη", "Γιώργος" }, phone_digits = 7,
    legal_forms = { "Α.Ε." }, streets = { "Ερμού", "Πανεπιστημίου" }, second_lines = { "1ος όροφος" },
    street = before, long_name = long_plain, mailboxes = { "info" },
    towns = { { name = "Αθήνα", latin = "athina", zips = { "105 63" }, area = "210" } } },
  { code = "BG", name = "Bulgaria", weight = 10, dial = "359", language = "bg_BG", currency = "BGN",
    script = true,
    families = { { "Димитров", "dimitrov" }, { "Иванова", "ivanova" }, { "Стоянов", "stoyanov" },
                 { "Петков", "petkov" }, { "Николова", "nikolova" } },
    trades = { { "Мебели", "mebeli" }, { "Машини", "mashini" }, { "Строеж", "stroezh" },
               { "Напитки", "napitki" }, { "Транспорт", "transport" } },
    first_names = { "Йорданка", "Петър" }, phone_digits = 6,
    legal_forms = { "ООД", "ЕООД" }, streets = { "бул. Витоша", "ул. Раковски" },
    second_lines = { "ет. 2" },
    street = before, long_name = long_plain, mailboxes = { "office" },
    towns = { { name = "София", latin = "sofia", zips = { "1000", "1606" }, area = "2" } } },
  { code = "US", name = "USA", weight = 25, dial = "1", language = "en_US", currency = "USD",
    families = { "Spotsmeyer", "Candoxy", "Progressive", "Hartigan", "Zuñiga", "Eastlake" },
    trades = { "Furnishings", "Hardware", "Industrial Supply", "Beverages", "Lumber" },
    first_names = FIRST_EN, phone_digits = 7,
    legal_forms = { "Inc.", "LLC", "Corp." }, streets = { "Peachtree Road", "5th Avenue" },
    second_lines = { "Suite 400" },
    street = after, long_name = long_english, mailboxes = { "info", "orders" },
    towns = { { name = "Atlanta", zips = { "31772" }, area = "404" },
              { name = "Boston", zips = { "02108" }, area = "617" } } },
  { code = "JP", name = "Japan", weight = 10, dial = "81", language = "ja_JP", currency = "JPY",
    script = true, legal_first = true,
    families = { { "山田", "yamada" }, { "佐藤", "sato" }, { "髙橋", "takahashi" }, { "鈴木", "suzuki" },
                 { "中村", "nakamura" } },
    trades = { { "機械", "kikai" }, { "家具", "kagu" }, { "電子工業", "denshi" }, { "飲料", "inryo" },
               { "建設", "kensetsu" } },
    first_names = { "美咲", "健太" }, phone_digits = 8,
    legal_forms = { "株式会社" }, streets = { "丸の内", "本町" }, second_lines = { "ビル5階" },
    street = function(street, house) return street .. house end,
    long_name = long_plain, mailboxes = { "info" },
    towns = { { name = "東京", latin = "tokyo", zips = { "100-0005" }, area = "3" },
              { name = "大阪", latin = "osaka", zips = { "541-0053" }, area = "6" } } },
  { code = "NO", name = "Norway", weight = 8, dial = "47", language = "nb_NO", currency = "NOK",
    families = { "Bjørnstad", "Hæreid", "Åsen", "Lunde", "Grønli" },
    trades = { "Møbler", "Maskin", "Fisk", "Bygg", "Verktøy" },
    first_names = { "Øystein", "Ingrid" }, phone_digits = 6,
    legal_forms = { "AS" }, streets = { "Storgata", "Bygdøy allé" }, second_lines = { "Inngang B" },
    street = before, long_name = long_plain, mailboxes = { "post" },
    towns = { { name = "Tromsø", zips = { "9008" }, area = "77" } } },
  { code = "UA", name = "Ukraine", weight = 4, dial = "380", language = "uk_UA", currency = "UAH",
    script = true,
    families = { { "Шевченко", "shevchenko" }, { "Ковальчук", "kovalchuk" }, { "Бондар", "bondar" },
                 { "Мельник", "melnyk" } },
    trades = { { "Меблі", "mebli" }, { "Верстати", "verstaty" }, { "Напої", "napoi" },
               { "Будівництво", "budivnytstvo" } },
    first_names = { "Олена", "Тарас" }, phone_digits = 7,
    legal_forms = { "ТОВ" }, streets = { "вул. Хрещатик" }, second_lines = { "оф. 7" },
    street = before, long_name = long_plain, mailboxes = { "office" },
    towns = { { name = "Київ", latin = "kyiv", zips = { "01001" }, area = "44" } } },
}

-- Drawn for nobody: reached by code, for the few records that carry a country Odoo may not know.
local rare = {
  { code = "XK", name = "Kosovo", weight = 0, dial = "383", language = "sq_AL", currency = "EUR",
    families = { "Gashi", "Krasniqi", "Hoxha", "Berisha" },
    trades = { "Mobileri", "Ndërtim", "Pije", "Vegla" },
    first_names = { "Arta", "Driton" }, phone_digits = 6,
    legal_forms = { "SH.P.K." }, streets = { "Rruga Nënë Tereza" }, second_lines = { "Kati 2" },
    street = before, long_name = long_plain, mailboxes = { "info" },
    towns = { { name = "Prishtinë", zips = { "10000" }, area = "38" } } },
}

list.by_code, list.total_weight = {}, 0
for _, c in ipairs(rare) do list[#list + 1] = c end
for _, c in ipairs(list) do
  list.by_code[c.code] = c
  list.total_weight = list.total_weight + c.weight
end

--- The country that a draw below `total_weight` falls on.
---@param roll integer
---@return table
function list.at(roll)
  for _, c in ipairs(list) do
    if roll < c.weight then return c end
    roll = roll - c.weight
  end
  return list[1]
end

return list
