"""
The words of header names, in many languages, and what they say of a column.

Written as `words.words` gives them: lower case, no accents, ł and ø as l and o. A stem of Latin
letters is a whole word, with * the beginning, the end or a part of one. Signs of Chinese and
Japanese stand anywhere in a name, which has no spaces there.
"""

from __future__ import annotations

import re
from functools import cache

#: A name that says "phone number", and nothing of which kind.
PHONE = """
    *phone* telephon* *telefon* *telefoon* *puhelin* puh tel tels telf tlf tlfn tfn tfno
    tfnr fon fono fone ph telnr telno telnum telnummer telefnr tele telemovel msisdn e164
    rufnummer* rufnr kontaktnummer kontaktnr kontakttel wahlnummer phn phnum
    电话 電話 でんわ 連絡先 联系方式 聯絡方式 联系电话
"""
MOBILE = """
    mobile mobiles mob mobil* mobiel* movil movils moviles movel cell cells cellphone* cellular*
    cel celular* handy handys handynr handynummer* gsm gsmnr gsmnummer natel portable portables
    cep ceptel* cepno komorka komorki komorkow* kom telemovel* telemoveis matkapuh* kannykka*
    kannykan mobnr mobno mobtel mobitel smartphone* 06nummer
    手机 手機 携帯 移动电话 移動電話 行動電話 行動 モバイル ケータイ スマホ 门号 門號
"""
#: Always a mobile phone, and meant for messages.
MESSAGES = "whatsapp* sms smsnumber wa wechat viber telegram 微信 短信 簡訊"
#: Says by itself that a column is a fixed line's number.
FIXED = """
    landline* festnetz* fastnet* fasttelefon fixe fixes fijo fijos stacjonarn* lankapuh* sabit
    switchboard* telefonzentrale directline directdial deskphone homephone workphone officephone
    businessphone
    座机 座機 固话 固話 市话 市話 固定電話 固定电话
"""
#: With a word for phone: which of a person's fixed lines.
OFFICE = """
    work* office* business* biz home* house* residence residential residencial fixed direct* desk
    evening daytime day night personal private privat* prive priv prywatn* privado particular
    geschaft* geschaeft* dienst* buro* buero* arbeit* zuhause durchwahl* beruf*
    bureau domicile travail professionnel* pro perso personnel* maison
    fijo oficina casa trabajo domicilio laboral fixo escritorio trabalho comercial residencia
    fisso ufficio lavoro abitazione diretto diretta
    vast vaste kantoor werk* thuis zakelijk*
    sluzbow* biuro biurow* praca pracy domow* dom
    arbejd* kontor* hjem* jobb* arbeid* hem hemtelefon* hemnummer arbete* arbets* fast direkt*
    tyo tyopuh* koti kotipuh* ev ofis isyeri
    勤務先 自宅 会社 固定 直通 職場 オフィス 办公 辦公 家庭 住宅 住家 公司 单位 單位 宅电 宅電
"""
#: With a word for phone: a company's line, or one that is only to be tried after another.
LESSER = """
    company* corporate corp hq headquarters organization organisation employer account store
    branch shop school schule ecole escuela escola scuola skole skola other* alternate
    alternative alt secondary second backup additional callback car
    switchboard* billing shipping delivery recado radio spouse partner referrer agent
    firma firmen* firmow* zentrale* hauptnummer standard entreprise societe centralita empresa
    azienda centralino bedrijf* foretag* vaxel* virksomhed* bedrift* yritys* vaihde* sirket*
    santral* andere weitere sonstige* autre secondaire otro otra secundario alternativo outro
    altro ander overig* inny inna dodatkow* anden andre annan ovrig* muu diger
    代表 その他 其他 备用 備用
"""
#: Never a number to call, whatever the column holds.
NOT_PHONES = """
    *fax* *faks* telecopie* telex isdn tty tdd pager beeper assistant* asst assistent* asistent*
    emergency urgent kin nok notfall* notruf* angehorig* urgence* prevenir emergencia* urgencia*
    familiar pariente* parente* familiare emergenza* nood* spoed* naaste* awaryjn* naglych
    alarmow* parorende* nodkontakt* nodnummer* nodtelefon* anhorig* lahioma* hatanumero
    hatayhteys* acil yakini* ext extn extension id ids from
    caller callerid sender outbound twilio old former previous wrong invalid bad dnc verified
    validated updated created added changed hash imei imsi iccid meid sim serial
    传真 傳真 ファックス ファクス 緊急 紧急
"""
#: Counts the rows, as a column's whole name.
COUNTERS = frozenset({"#", "№", "nº", "n°"})
#: Says nothing of what a column is.
FILLER = """
    a an the your what is please number numbers no nr nro nos num number s n o value type text
    with including incl country code contact contacts customer customers client clients lead
    leads prospect prospects user invitee recipient borrower applicant patient guest student
    owner member
    buyer seller tenant subscriber person people primary main preferred best new current billing
    shipping delivery default address adres adresse of for and or in to
    numero numeros nummer* numer numero numara* nome nombre de del de la le les du des di da do
    dos der die das dem den von zu und et y e i og och ja ve van voor
    kontakt* contacto contato contatto contatti kontaktowy iletisim yhteys* kunde kunden kund
    klient klienta klant cliente clientes clienti asiakas musteri haupt* principal principale
    strony numeru
    番号 号码 號碼 号 號 ご お 客户 客戶 联系 聯絡 联系人 聯絡人 用户 用戶 家长 收件人 コード
"""
#: Whose name, number or address it is, if it says that at all.
WHOSE = """
    contact customer client lead prospect recipient borrower applicant patient guest student
    owner member buyer seller tenant subscriber person primary main billing shipping legal your
    what is the of de del della du des do da der das van und
    kontakt kontakts ansprechpartner* kunde kunden kund klient klienta klienci klant cliente
    contacto contato contatto asiakas asiakkaan musteri aluno paciente medlem mitglied* s
    contactpersoon teilnehmer* attendee participant candidate donor voter resident passenger
    employee osoba osoby persona personne persoon properties fields invitee invitees
"""

FULL_NAMES = frozenset((
    "prospectname", "fullname", "displayname", "personname", "formattedname", "fn", "wholename",
    "completename", "firstandlastname", "firstlastname", "namefull",
    "vollstandigername", "vollername", "vorundnachname", "vornamenachname", "vornameundnachname",
    "namevorname", "nachnamevorname", "vornamename", "nameundvorname",
    "nomcomplet", "nometprenom", "prenometnom", "nomprenom", "prenomnom", "nomsetprenoms",
    "nombrecompleto", "nombreyapellido", "nombreyapellidos", "nombresyapellidos",
    "apellidosynombre", "apellidosynombres", "apellidoynombre",
    "nomecompleto", "nomeesobrenome", "nomeeapelido", "nomeecognome", "cognomeenome",
    "nomecognome", "cognomenome", "nominativo",
    "volledigenaam", "vooreachternaam", "voorenachternaam", "naamvolledig",
    "imieinazwisko", "nazwiskoiimie", "imienazwisko", "pelnanazwa",
    "fuldenavn", "fuldtnavn", "fulltnavn", "fullstendignavn", "fullstandigtnamn", "heltnamn",
    "forochefternamn", "foroghefternavn", "kokonimi", "taydellinennimi",
    "adsoyad", "adisoyadi", "advesoyad", "isimsoyisim", "tamad", "tamisim", "adsoyadi",
))  # fmt: skip
#: A whole name, or what the other columns leave of one: "Name" beside "Vorname" is a last name.
NAMES = frozenset((
    "name", "names", "nome", "nombre", "nom", "naam", "namn", "navn", "nimi", "isim", "ad", "adi",
    "nimio", "nazwa",
))  # fmt: skip
FIRST_NAMES = frozenset((
    "firstname", "firstnames", "givenname", "givennames", "forename", "forenames", "fname",
    "first", "given", "christianname", "vorname", "vornamen", "rufname", "prenom", "prenoms",
    "nomeproprio", "primernombre", "nombres", "nombredepila", "primeironome", "primonome",
    "prenome", "voornaam",
    "roepnaam", "fornavn", "fornamn", "tilltalsnamn", "etunimi", "kutsumanimi", "imie", "imiona",
    "ilkad",
))  # fmt: skip
LAST_NAMES = frozenset((
    "lastname", "lastnames", "surname", "surnames", "familyname", "lname", "last", "family",
    "nachname", "familienname", "zuname", "nomdefamille", "apellido", "apellidos",
    "primerapellido", "apellidopaterno", "sobrenome", "apelido", "apelidos", "ultimonome",
    "cognome", "cognomi", "achternaam", "familienaam", "nazwisko", "efternavn", "etternavn",
    "efternamn", "sukunimi", "soyad", "soyadi", "soyisim",
))  # fmt: skip
#: Words of one piece for somebody's whole name.
OWN_NAMES = frozenset((
    "kundenname", "kontaktname", "ansprechpartnername", "mitgliedsname", "klantnaam",
    "contactnaam", "kundenavn", "kontaktnavn", "kundnamn", "kontaktnamn", "asiakkaannimi",
    "custname", "cname", "clientname", "customername",
))  # fmt: skip
#: A person, by a word that may also be a company.
PERSONS = frozenset((
    "contact", "customer", "client", "lead", "prospect", "contactperson", "person", "recipient",
    "applicant", "borrower", "patient", "student", "member", "subscriber", "homeowner", "tenant",
    "employee", "attendee", "guest", "ansprechpartner", "ansprechpartnerin", "kontaktperson",
    "kunde", "kundin", "mitglied", "teilnehmer", "patientin", "interlocuteur", "contacto",
    "cliente", "personadecontacto", "personacontacto", "contato", "pessoadecontato", "referente",
    "contatto", "contactpersoon", "versicherungsnehmer", "versicherte",
    "erziehungsberechtigte", "erziehungsberechtigter", "klant", "klient", "klientka",
    "osobakontaktowa", "kund",
    "kontakt", "asiakas", "osoba", "participant", "yhteyshenkilo", "musteri", "ilgilikisi",
    "联系人", "聯絡人", "收件人", "收货人", "收貨人", "担当者", "客户", "客戶",
))  # fmt: skip
FIRST_SIGNS = frozenset(("名", "名字", "下の名前"))
LAST_SIGNS = frozenset(("姓", "姓氏", "苗字", "名字姓"))
#: A whole name in Chinese or Japanese; 会社名 and 商品名 are none.
NAME_SIGNS = re.compile(
    r".*(?:姓名|氏名)(?:漢字)?|お?名前|(?:お?客様|お客|顧客|担当者|代表者|会員|契約者|申込者|患者)の?お?名前?"
    r"|(?:客户|客戶|用户|用戶|联系人|聯絡人|会员|會員|收件人)(?:名称|名稱|名字)"
)
#: A word of a header that keeps a column from being a name by likeness, as in "contact_no".
NOT_NAMES = frozenset((
    "id", "no", "nr", "num", "number", "code", "company", "account", "file", "user", "fax",
    "type", "date", "time", "status", "notes", "note", "count", "extension", "ext", "owner",
    "agent", "product", "plan", "list", "campaign", "street", "city", "consent", "valid",
))  # fmt: skip

EMAIL = """
    *email* *mail mails *mailadres* mailaddress mailid emailid courriel* correo correos epost*
    eposta* sahkoposti* messagerie mejl* mailadresse
    邮箱 邮件 郵件 郵箱 信箱 メール
"""
EMAIL_FILLER = """
    e address adresse adres adresi elettronico elettronica electronico eletronico electronique
    correio posta post id work business personal primary 电子 電子 アドレス
"""
#: Somebody of the list's owner, where another column is the contact's.
HOSTS = "user host organizer organiser"
#: Whose address it is not.
NOT_EMAILS = "owner agent assistant asst rep from sender cc bcc"

COUNTRY = """
    country countries countryiso countrycode land landcode landkode landskod landekode laender*
    lander* landesvorwahl landes* pais paises pays paese nazione stato staat kraj kraju maa
    maakoodi maatunnus ulke ulkesi cc isocode
    国 國
"""
COUNTRY_FILLER = """
    code codes iso iso2 iso3 alpha2 alpha3 name region regions kode kod kodu kodi codigo codice
    kurzel kuerzel 2 of de del du di da do the regiao regio
    residence residencia residenza residencia residenz wohn wohnsitz zamieszkania
    家 名 コード 代码 代碼 地区 地區 地域
"""
#: The same by its dialling code.
DIALLING_CODES = frozenset((
    "dialcode", "dialingcode", "diallingcode", "callingcode", "phonecode", "isdcode",
))  # fmt: skip
#: Of the phone number itself; before every other country.
COUNTRY_OF_PHONE = "phone mobile tel telephone telefon"
#: Of one of a person's addresses.
COUNTRY_OF_ADDRESS = """
    mailing billing business home other shipping address default primary contact customer 1
    geschaftlich geschaeftlich privat bureau domicile prive work kontakt permanent
"""
#: A column of this name alone may as well hold states.
MAYBE_STATES = frozenset({"region", "regioncode", "isocode"})

#: The contact's time zone, whatever the cells are.
TIME_ZONES = frozenset((
    "timezone", "tz", "timezoneid", "timezonename", "timezoneiana", "ianatimezone", "localtimezone",
    "contacttimezone", "leadtimezone", "prospecttimezone", "customertimezone", "clienttimezone",
    "timezonesidkey", "hstimezone", "zeitzone", "fuseauhoraire", "zonahoraria", "husohorario",
    "fusohorario", "fusoorario", "tijdzone", "strefaczasowa", "tidszone", "tidssone", "tidszon",
    "aikavyohyke", "saatdilimi", "时区", "時區", "タイムゾーン",
))  # fmt: skip

#: Column names that are the phone number if the cells agree, though no word of them says so.
NUMBERS = frozenset((
    "tonumber", "destinationnumber", "dialnumber", "calleenumber", "contactnumber", "contactno",
    "contactnr", "contactnum", "customernumberphone", "numerodecontacto", "numerodecontato",
    "numerodecontact", "iletisimnumarasi", "numerkontaktowy", "recipientnumber",
))  # fmt: skip
#: The same, but any column with a word for phone is likelier.
BARE_NUMBERS = frozenset((
    "number", "numbers", "to", "destination", "callee", "dial", "recipient", "office", "home",
    "work", "officenumber", "worknumber", "homenumber", "directnumber", "directline",
    "directdial", "desk",
))  # fmt: skip
#: Names that a misspelt one may have meant.
PHONE_NAMES = (
    "phone", "phonenumber", "mobile", "mobilenumber", "mobilephone", "cellphone", "telephone",
    "telephonenumber", "contactnumber", "contactphone", "whatsapp", "telefon", "telefonnummer",
    "handynummer", "mobilnummer", "rufnummer", "telefono", "numerodetelefono", "celular",
    "telefone", "numerodetelephone", "cellulare", "telefoon", "telefoonnummer", "numertelefonu",
    "puhelinnumero", "telefonnumarasi",
)  # fmt: skip

#: Codes and names that are also states or provinces of the US and Canada: no proof of a country.
STATES = frozenset((
    "al", "ar", "az", "bc", "ca", "co", "ct", "de", "fl", "ga", "ia", "id", "il", "in", "ks",
    "ky", "la", "ma", "md", "me", "mi", "mn", "mo", "ms", "mt", "nc", "nd", "ne", "nh", "nj",
    "nm", "nv", "ny", "oh", "ok", "on", "or", "pa", "qc", "ri", "sc", "sd", "tn", "tx", "ut",
    "va", "vt", "wa", "wi", "wv", "wy", "ak", "hi", "ab", "mb", "nb", "nl", "ns", "pe", "sk",
    "dc", "alabama", "alaska", "arizona", "arkansas", "california", "colorado", "connecticut",
    "delaware", "florida", "georgia", "hawaii", "idaho", "illinois", "indiana", "iowa", "kansas",
    "kentucky", "louisiana", "maine", "maryland", "massachusetts", "michigan", "minnesota",
    "mississippi", "missouri", "montana", "nebraska", "nevada", "newhampshire", "newjersey",
    "newmexico", "newyork", "northcarolina", "northdakota", "ohio", "oklahoma", "oregon",
    "pennsylvania", "rhodeisland", "southcarolina", "southdakota", "tennessee", "texas", "utah",
    "vermont", "virginia", "washington", "westvirginia", "wisconsin", "wyoming", "alberta",
    "britishcolumbia", "manitoba", "newbrunswick", "novascotia", "ontario", "quebec",
    "saskatchewan",
))  # fmt: skip


@cache
def stems(group: str) -> re.Pattern[str]:
    """What a whole word of one of some groups of stems looks like."""
    listed = sorted(set(group.split()), key=len, reverse=True)
    return re.compile(
        "|".join(
            re.escape(stem).replace(r"\*", ".*") if stem.isascii() else f".*{re.escape(stem)}.*"
            for stem in listed
        )
    )


@cache
def signs(group: str) -> re.Pattern[str]:
    """The stems of a group that stand anywhere in a name without spaces."""
    listed = sorted((s for s in group.split() if not s.isascii()), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, listed)) or r"(?!)")
