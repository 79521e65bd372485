#include "portal/templates.h"

namespace sm::portal {
namespace {

constexpr std::string_view kLayout = R"html(<!DOCTYPE html>
<html lang="{{lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="color-scheme" content="light">
<title>{{{title}}}</title>
<link rel="stylesheet" href="{{style_path}}">
<link rel="icon" href="{{icon_path}}" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#main">{{#en}}Skip to the content{{/en}}{{#nl}}Naar de inhoud{{/nl}}</a>
<header class="top"><div class="wrap">
{{#logo_path}}<img src="{{logo_path}}" alt="">{{/logo_path}}
<span class="org">{{#org}}{{org}}{{/org}}{{^org}}{{#en}}Secure messages{{/en}}{{#nl}}Beveiligde berichten{{/nl}}{{/org}}</span>
{{#can_switch}}<ul class="langs" aria-label="{{#en}}Language{{/en}}{{#nl}}Taal{{/nl}}">
<li>{{#nl}}<span aria-current="true" lang="nl">Nederlands</span>{{/nl}}{{^nl}}<a href="?lang=nl" hreflang="nl" lang="nl">Nederlands</a>{{/nl}}</li>
<li>{{#en}}<span aria-current="true" lang="en">English</span>{{/en}}{{^en}}<a href="?lang=en" hreflang="en" lang="en">English</a>{{/en}}</li>
</ul>{{/can_switch}}
</div></header>
<main id="main" tabindex="-1"><div class="wrap">
{{{content}}}
</div></main>
<footer><div class="wrap">
{{#has_contact}}<p>{{#en}}Questions? Ask {{org}}:{{/en}}{{#nl}}Vragen? Neem contact op met {{org}}:{{/nl}}</p>
<ul>
{{#phone}}<li><a href="tel:{{phone_link}}">{{phone}}</a></li>{{/phone}}
{{#email}}<li><a href="mailto:{{email}}">{{email}}</a></li>{{/email}}
{{#website}}<li><a href="{{website}}" rel="noreferrer">{{website}}</a></li>{{/website}}
</ul>{{/has_contact}}
{{^has_contact}}<p>{{#en}}Questions? Ask whoever sent you the message, by a way that you know already.{{/en}}{{#nl}}Vragen? Neem contact op met wie u het bericht stuurde, op een manier die u al kende.{{/nl}}</p>{{/has_contact}}
</div></footer>
</body>
</html>
)html";

constexpr std::string_view kErrors =
    R"html({{#problem}}<div class="errors" role="alert" aria-labelledby="problem-title" tabindex="-1">
<h2 id="problem-title">{{#en}}Please look at this{{/en}}{{#nl}}Er ging iets mis{{/nl}}</h2>
<ul><li>{{#problem_field}}<a href="#{{problem_field}}">{{problem}}</a>{{/problem_field}}{{^problem_field}}{{problem}}{{/problem_field}}</li></ul>
</div>{{/problem}}
)html";

constexpr std::string_view kWelcome = R"html({{{errors}}}
<div class="card">
{{^asks_nothing}}<ol class="steps">
<li {{#is_first}}aria-current="step"{{/is_first}}{{^is_first}}class="past"{{/is_first}}><span aria-hidden="true">1</span>{{#en}}Who are you?{{/en}}{{#nl}}Wie bent u?{{/nl}}</li>
{{#by_code}}<li {{^is_first}}aria-current="step"{{/is_first}}><span aria-hidden="true">2</span>{{#en}}Your code{{/en}}{{#nl}}Uw code{{/nl}}</li>{{/by_code}}
<li><span aria-hidden="true">{{last_step}}</span>{{#en}}Your message{{/en}}{{#nl}}Uw bericht{{/nl}}</li>
</ol>{{/asks_nothing}}
<h1>{{^is_files}}{{#en}}A secure message from {{sender}}{{/en}}{{#nl}}Een beveiligd bericht van {{sender}}{{/nl}}{{/is_files}}{{#is_files}}{{#en}}Files from {{sender}}{{/en}}{{#nl}}Bestanden van {{sender}}{{/nl}}{{/is_files}}</h1>
{{#names_org}}<p class="lead">{{#en}}Sent by {{org}}.{{/en}}{{#nl}}Verzonden door {{org}}.{{/nl}}</p>{{/names_org}}
{{#by_code}}{{#is_first}}
<p>{{#en}}This message is for you alone. To be sure that it is you, we send a code of six digits {{#by_sms}}by text message to{{/by_sms}}{{^by_sms}}by email to{{/by_sms}} <strong>{{target}}</strong>. You type that code on the next page.{{/en}}{{#nl}}Dit bericht is alleen voor u. Om zeker te weten dat u het bent, sturen wij een code van zes cijfers {{#by_sms}}per sms naar{{/by_sms}}{{^by_sms}}per e-mail naar{{/by_sms}} <strong>{{target}}</strong>. Die code vult u op de volgende pagina in.{{/nl}}</p>
<form method="post" action="{{base}}/send">
<input type="hidden" name="nonce" value="{{send_nonce}}">
<p><button class="wide">{{#en}}Send me the code{{/en}}{{#nl}}Stuur mij de code{{/nl}}</button></p>
</form>
<p class="quiet">{{#en}}Not your {{#by_sms}}number{{/by_sms}}{{^by_sms}}address{{/by_sms}}?{{/en}}{{#nl}}Niet uw {{#by_sms}}nummer{{/by_sms}}{{^by_sms}}adres{{/by_sms}}?{{/nl}} {{#phone}}{{#en}}Call {{org}} on <a href="tel:{{phone_link}}">{{phone}}</a>.{{/en}}{{#nl}}Bel {{org}} op <a href="tel:{{phone_link}}">{{phone}}</a>.{{/nl}}{{/phone}}{{^phone}}{{#en}}Ask {{org}}, by a way that you know already.{{/en}}{{#nl}}Neem contact op met {{org}}, op een manier die u al kende.{{/nl}}{{/phone}}</p>
{{/is_first}}{{/by_code}}
{{#by_code}}{{^is_first}}
<div class="note good" role="status"><p>{{#en}}We sent a code to <strong>{{target}}</strong>.{{/en}}{{#nl}}Wij stuurden een code naar <strong>{{target}}</strong>.{{/nl}} {{#en}}The code works for ten minutes, in this browser only.{{/en}}{{#nl}}De code werkt tien minuten, alleen in deze browser.{{/nl}}</p>
{{#is_late}}<p>{{#en}}It may take some minutes to arrive.{{/en}}{{#nl}}Het kan enkele minuten duren voor u de code krijgt.{{/nl}}</p>{{/is_late}}</div>
<form method="post" action="{{base}}/code" novalidate>
<input type="hidden" name="nonce" value="{{code_nonce}}">
<div class="field{{#code_problem}} wrong{{/code_problem}}">
<label for="code">{{#en}}Code of six digits{{/en}}{{#nl}}Code van zes cijfers{{/nl}}</label>
<p class="hint" id="code-hint">{{#en}}Use the code that came with this reference:{{/en}}{{#nl}}Gebruik de code waar dit kenmerk bij staat:{{/nl}} <span class="ref">{{reference}}</span><br>{{#en}}Never share it with anybody.{{/en}}{{#nl}}Deel de code met niemand.{{/nl}}</p>
{{#code_problem}}<p class="problem" id="code-problem">{{code_problem}}</p>{{/code_problem}}
<input class="code" type="text" id="code" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="20" required spellcheck="false" aria-describedby="code-hint{{#code_problem}} code-problem{{/code_problem}}"{{#code_problem}} aria-invalid="true"{{/code_problem}}>
</div>
<p><button class="wide">{{#en}}Open the message{{/en}}{{#nl}}Open het bericht{{/nl}}</button></p>
</form>
<form method="post" action="{{base}}/send">
<input type="hidden" name="nonce" value="{{send_nonce}}">
<p class="quiet">{{#en}}No code after a minute?{{/en}}{{#nl}}Na een minuut geen code?{{/nl}} <button class="plain">{{#en}}Send a new code{{/en}}{{#nl}}Stuur een nieuwe code{{/nl}}</button></p>
</form>
<p class="quiet">{{#en}}Not your {{#by_sms}}number{{/by_sms}}{{^by_sms}}address{{/by_sms}}?{{/en}}{{#nl}}Niet uw {{#by_sms}}nummer{{/by_sms}}{{^by_sms}}adres{{/by_sms}}?{{/nl}} {{#phone}}{{#en}}Call {{org}} on <a href="tel:{{phone_link}}">{{phone}}</a>.{{/en}}{{#nl}}Bel {{org}} op <a href="tel:{{phone_link}}">{{phone}}</a>.{{/nl}}{{/phone}}{{^phone}}{{#en}}Ask {{org}}, by a way that you know already.{{/en}}{{#nl}}Neem contact op met {{org}}, op een manier die u al kende.{{/nl}}{{/phone}}</p>
{{/is_first}}{{/by_code}}
{{#asks_nothing}}
<p>{{#en}}These files belong to a message that reached you by a way that we have verified. Nothing more is asked.{{/en}}{{#nl}}Deze bestanden horen bij een bericht dat u langs een gecontroleerde weg hebt gekregen. Er wordt verder niets gevraagd.{{/nl}}</p>
<form method="post" action="{{base}}/enter">
<input type="hidden" name="nonce" value="{{enter_nonce}}">
<p><button class="wide">{{#en}}Show the files{{/en}}{{#nl}}Toon de bestanden{{/nl}}</button></p>
</form>
{{/asks_nothing}}
{{#by_password}}
<p>{{#en}}This message is for you alone. It opens with the password that {{sender}} agreed with you.{{/en}}{{#nl}}Dit bericht is alleen voor u. Het opent met het wachtwoord dat {{sender}} met u heeft afgesproken.{{/nl}}</p>
<form method="post" action="{{base}}/password" novalidate>
<input type="hidden" name="nonce" value="{{password_nonce}}">
<div class="field{{#code_problem}} wrong{{/code_problem}}">
<label for="password">{{#en}}Password{{/en}}{{#nl}}Wachtwoord{{/nl}}</label>
{{#code_problem}}<p class="problem" id="password-problem">{{code_problem}}</p>{{/code_problem}}
<input type="password" id="password" name="password" autocomplete="off" required spellcheck="false" autocapitalize="none" maxlength="1024"{{#code_problem}} aria-describedby="password-problem" aria-invalid="true"{{/code_problem}}>
</div>
<p><button class="wide">{{#en}}Open the message{{/en}}{{#nl}}Open het bericht{{/nl}}</button></p>
</form>
<p class="quiet">{{#en}}No password? Ask {{sender}}; we do not know it.{{/en}}{{#nl}}Geen wachtwoord? Vraag het aan {{sender}}; wij kennen het niet.{{/nl}}</p>
{{/by_password}}
<p class="quiet">{{#en}}The link works until {{expires}}. You need no account, and nothing to install.{{/en}}{{#nl}}De link werkt tot {{expires}}. U hebt geen account nodig en hoeft niets te installeren.{{/nl}}</p>
</div>
)html";

constexpr std::string_view kLocked = R"html(<div class="card">
<h1>{{#en}}Locked for a while{{/en}}{{#nl}}Tijdelijk geblokkeerd{{/nl}}</h1>
<div class="note warn" role="status"><p>{{#en}}There were too many wrong attempts. You can try again in {{wait}}.{{/en}}{{#nl}}Er zijn te veel verkeerde pogingen gedaan. U kunt het over {{wait}} weer proberen.{{/nl}}</p></div>
<p>{{#en}}This protects your message. Nothing is lost: it stays here until {{expires}}.{{/en}}{{#nl}}Zo blijft uw bericht beschermd. Er gaat niets verloren: het blijft hier staan tot {{expires}}.{{/nl}}</p>
<p>{{#en}}Was it not you? Then tell {{org}}.{{/en}}{{#nl}}Was u het niet zelf? Laat het {{org}} dan weten.{{/nl}}</p>
<p><a class="button second" href="{{base}}">{{#en}}Back to the first page{{/en}}{{#nl}}Terug naar de eerste pagina{{/nl}}</a></p>
</div>
)html";

constexpr std::string_view kUnavailable = R"html(<div class="card">
<h1>{{#en}}This message is no longer available{{/en}}{{#nl}}Dit bericht is niet meer beschikbaar{{/nl}}</h1>
<p>{{#en}}The link does not open anything (any more). Perhaps its time is over, the sender took the message back, it was destroyed after reading, or the link was not copied whole.{{/en}}{{#nl}}De link opent niets (meer). Misschien is de tijd voorbij, heeft de afzender het bericht ingetrokken, is het na het lezen vernietigd, of is de link niet helemaal overgenomen.{{/nl}}</p>
<p>{{#en}}Do you still need it? Ask whoever sent it to send it again. You find their name in the email that had the link.{{/en}}{{#nl}}Hebt u het bericht nog nodig? Vraag de afzender het opnieuw te sturen. De naam staat in de e-mail met de link.{{/nl}}</p>
</div>
)html";

constexpr std::string_view kMessage = R"html(<article class="card" aria-labelledby="subject">
<h1 id="subject">{{subject}}{{^subject}}{{#is_files}}{{#en}}Files from {{sender}}{{/en}}{{#nl}}Bestanden van {{sender}}{{/nl}}{{/is_files}}{{^is_files}}{{#en}}(no subject){{/en}}{{#nl}}(geen onderwerp){{/nl}}{{/is_files}}{{/subject}}</h1>
<dl class="facts">
<dt>{{#en}}From{{/en}}{{#nl}}Van{{/nl}}</dt><dd>{{from}}</dd>
{{#to}}<dt>{{#en}}To{{/en}}{{#nl}}Aan{{/nl}}</dt><dd>{{to}}</dd>{{/to}}
{{#cc}}<dt>{{#en}}Copy{{/en}}{{#nl}}Kopie{{/nl}}</dt><dd>{{cc}}</dd>{{/cc}}
{{#date}}<dt>{{#en}}Date{{/en}}{{#nl}}Datum{{/nl}}</dt><dd>{{date}}</dd>{{/date}}
<dt>{{#en}}Available until{{/en}}{{#nl}}Beschikbaar tot{{/nl}}</dt><dd>{{expires}}</dd>
</dl>
{{#is_once}}<div class="note warn noprint"><p>{{#en}}This message can be read once. {{#has_files}}When you have opened it and saved every attachment, it is destroyed a quarter of an hour later.{{/has_files}}{{^has_files}}A quarter of an hour from now it is destroyed.{{/has_files}} Save what you want to keep.{{/en}}{{#nl}}Dit bericht kan één keer gelezen worden. {{#has_files}}Als u het geopend hebt en alle bijlagen hebt opgeslagen, wordt het een kwartier later vernietigd.{{/has_files}}{{^has_files}}Over een kwartier wordt het vernietigd.{{/has_files}} Sla op wat u wilt bewaren.{{/nl}}</p></div>{{/is_once}}
{{^is_complete}}<div class="note warn noprint"><p>{{#en}}This page cannot show all of it.{{/en}}{{#nl}}Deze pagina kan niet alles tonen.{{/nl}} <a href="{{base}}/message.eml">{{#en}}Save the whole message{{/en}}{{#nl}}Sla het hele bericht op{{/nl}}</a> {{#en}}and open it in your mail program.{{/en}}{{#nl}}en open het in uw mailprogramma.{{/nl}}</p></div>{{/is_complete}}
{{^is_files}}<div class="mail">
{{#has_html}}
<iframe class="noprint{{#is_short}} short{{/is_short}}{{#is_long}} long{{/is_long}}" src="{{base}}/html" sandbox="{{sandbox}}" referrerpolicy="no-referrer" title="{{#en}}The text of the message{{/en}}{{#nl}}De tekst van het bericht{{/nl}}"></iframe>
{{#has_blocked_images}}<p class="quiet noprint">{{#en}}Images that would be fetched from elsewhere are not shown: that would tell others that you read this.{{/en}}{{#nl}}Afbeeldingen die van elders zouden komen, worden niet getoond: daarmee zou een ander weten dat u dit leest.{{/nl}}</p>{{/has_blocked_images}}
<details class="noprint"><summary>{{#en}}Show as plain text{{/en}}{{#nl}}Toon als gewone tekst{{/nl}}</summary><pre class="text">{{text}}</pre></details>
<pre class="text print" aria-hidden="true">{{text}}</pre>
{{/has_html}}
{{^has_html}}{{#text}}<pre class="text">{{text}}</pre>{{/text}}{{^text}}<p class="quiet">{{#en}}This message has no text.{{/en}}{{#nl}}Dit bericht heeft geen tekst.{{/nl}}</p>{{/text}}{{/has_html}}
</div>{{/is_files}}
{{#has_files}}<h2>{{^is_files}}{{#en}}Attachments{{/en}}{{#nl}}Bijlagen{{/nl}}{{/is_files}}{{#is_files}}{{#en}}Files{{/en}}{{#nl}}Bestanden{{/nl}}{{/is_files}}</h2>
<ul class="files">
{{#files}}<li><a href="{{base}}/file/{{part}}" download="{{name}}">{{name}}</a><span>{{size}}</span></li>
{{/files}}</ul>
<div class="row"><a class="button second" href="{{base}}/all.zip" download>{{#en}}Save everything (ZIP){{/en}}{{#nl}}Sla alles op (ZIP){{/nl}}</a></div>{{/has_files}}
</article>
<div class="card noprint">
<h2>{{#en}}What next?{{/en}}{{#nl}}Wat nu?{{/nl}}</h2>
<div class="row">
{{#may_reply}}<a class="button" href="{{base}}/reply">{{#en}}Reply securely{{/en}}{{#nl}}Beveiligd antwoorden{{/nl}}</a>{{/may_reply}}
{{^is_files}}<a class="button second" href="{{base}}/message.eml" download>{{#en}}Save the message (EML){{/en}}{{#nl}}Sla het bericht op (EML){{/nl}}</a>{{/is_files}}
</div>
<div class="row">
<a class="button second" href="{{base}}/done">{{#en}}I have saved it, destroy it now{{/en}}{{#nl}}Ik heb het opgeslagen, vernietig het nu{{/nl}}</a>
<form method="post" action="{{base}}/leave"><input type="hidden" name="nonce" value="{{leave_nonce}}"><button class="second">{{#en}}Log out{{/en}}{{#nl}}Uitloggen{{/nl}}</button></form>
</div>
<p class="quiet">{{#en}}{{org}} can see that this message was opened, not where. After half an hour without activity you are logged out.{{/en}}{{#nl}}{{org}} kan zien dat dit bericht geopend is, niet waar. Na een half uur zonder activiteit wordt u uitgelogd.{{/nl}}</p>
</div>
)html";

constexpr std::string_view kReply = R"html({{{errors}}}
<div class="card">
<p class="quiet"><a href="{{base}}/message">{{#en}}Back to the message{{/en}}{{#nl}}Terug naar het bericht{{/nl}}</a></p>
<h1>{{#en}}Reply to {{sender}}{{/en}}{{#nl}}Antwoord aan {{sender}}{{/nl}}</h1>
<p>{{#en}}Your reply and its attachments travel back sealed, by the same way.{{/en}}{{#nl}}Uw antwoord en de bijlagen gaan verzegeld terug, langs dezelfde weg.{{/nl}}</p>
<form method="post" action="{{base}}/reply" enctype="multipart/form-data" novalidate>
<input type="hidden" name="nonce" value="{{reply_nonce}}">
<div class="field{{#text_problem}} wrong{{/text_problem}}">
<label for="text">{{#en}}Your reply{{/en}}{{#nl}}Uw antwoord{{/nl}}</label>
{{#text_problem}}<p class="problem" id="text-problem">{{text_problem}}</p>{{/text_problem}}
<textarea id="text" name="text" rows="10" required{{#text_problem}} aria-describedby="text-problem" aria-invalid="true"{{/text_problem}}>
{{text}}</textarea>
</div>
<div class="field{{#file_problem}} wrong{{/file_problem}}">
<label for="files">{{#en}}Attachments{{/en}}{{#nl}}Bijlagen{{/nl}}</label>
<p class="hint" id="files-hint">{{#en}}You may choose several. At most {{file_limit}} each, {{reply_limit}} together.{{/en}}{{#nl}}U mag er meer kiezen. Hoogstens {{file_limit}} per bestand, {{reply_limit}} samen.{{/nl}}</p>
{{#file_problem}}<p class="problem" id="files-problem">{{file_problem}}</p>{{/file_problem}}
<input type="file" id="files" name="files" multiple aria-describedby="files-hint{{#file_problem}} files-problem{{/file_problem}}">
</div>
<div class="row"><button>{{#en}}Send the reply{{/en}}{{#nl}}Verstuur het antwoord{{/nl}}</button>
<a class="button second" href="{{base}}/message">{{#en}}Do not reply{{/en}}{{#nl}}Niet antwoorden{{/nl}}</a></div>
</form>
</div>
)html";

constexpr std::string_view kReplied = R"html(<div class="card">
<h1>{{#en}}Your reply is on its way{{/en}}{{#nl}}Uw antwoord is onderweg{{/nl}}</h1>
<div class="note good" role="status"><p>{{#en}}It was sealed for {{sender}}.{{/en}}{{#nl}}Het is verzegeld voor {{sender}}.{{/nl}}</p></div>
<div class="row"><a class="button" href="{{base}}/message">{{#en}}Back to the message{{/en}}{{#nl}}Terug naar het bericht{{/nl}}</a>
<a class="button second" href="{{base}}/reply">{{#en}}Write another reply{{/en}}{{#nl}}Nog een antwoord schrijven{{/nl}}</a></div>
</div>
)html";

constexpr std::string_view kDone = R"html(<div class="card">
<h1>{{#en}}Destroy the message now?{{/en}}{{#nl}}Het bericht nu vernietigen?{{/nl}}</h1>
<div class="note warn"><p>{{#en}}After this nobody can open your link any more, you neither. This cannot be undone.{{/en}}{{#nl}}Hierna kan niemand uw link nog openen, u ook niet. Dit kan niet ongedaan worden gemaakt.{{/nl}}</p></div>
<p>{{#en}}Have you saved what you want to keep?{{/en}}{{#nl}}Hebt u opgeslagen wat u wilt bewaren?{{/nl}}</p>
<div class="row">
<form method="post" action="{{base}}/done"><input type="hidden" name="nonce" value="{{done_nonce}}"><button class="danger">{{#en}}I have saved it, destroy it now{{/en}}{{#nl}}Ik heb het opgeslagen, vernietig het nu{{/nl}}</button></form>
<a class="button second" href="{{base}}/message">{{#en}}Back to the message{{/en}}{{#nl}}Terug naar het bericht{{/nl}}</a>
</div>
</div>
)html";

constexpr std::string_view kDestroyed = R"html(<div class="card">
<h1>{{#en}}The message is destroyed{{/en}}{{#nl}}Het bericht is vernietigd{{/nl}}</h1>
<div class="note good" role="status"><p>{{#en}}Your link opens nothing any more.{{/en}}{{#nl}}Uw link opent niets meer.{{/nl}}</p></div>
<p>{{#en}}What you saved is in your keeping now. On a computer that others use too, empty its downloads folder.{{/en}}{{#nl}}Wat u hebt opgeslagen, bewaart u nu zelf. Gebruikt ook een ander deze computer, verwijder het dan uit de map met downloads.{{/nl}}</p>
</div>
)html";

constexpr std::string_view kLeft = R"html(<div class="card">
<h1>{{#en}}You are logged out{{/en}}{{#nl}}U bent uitgelogd{{/nl}}</h1>
<p>{{#en}}The message stays here until {{expires}}. To read it again, open the link once more; you will be asked again who you are.{{/en}}{{#nl}}Het bericht blijft hier staan tot {{expires}}. Wilt u het weer lezen, open dan de link nog eens; er wordt dan opnieuw gevraagd wie u bent.{{/nl}}</p>
<p><a class="button second" href="{{base}}">{{#en}}Open the link again{{/en}}{{#nl}}Open de link opnieuw{{/nl}}</a></p>
</div>
)html";

constexpr std::string_view kNumber = R"html({{{errors}}}
<div class="card">
<h1>{{#en}}A phone number is needed{{/en}}{{#nl}}Er is een telefoonnummer nodig{{/nl}}</h1>
<p>{{#en}}You sent a secure message to <strong>{{address}}</strong>. To open it, the recipient gets a code by text message, but no number is known yet. The message waits, sealed, until {{expires}}.{{/en}}{{#nl}}U hebt een beveiligd bericht gestuurd aan <strong>{{address}}</strong>. Om het te openen krijgt de ontvanger een code per sms, maar er is nog geen nummer bekend. Het bericht wacht, verzegeld, tot {{expires}}.{{/nl}}</p>
<form method="post" action="{{base}}" novalidate>
<input type="hidden" name="nonce" value="{{number_nonce}}">
<div class="field{{#number_problem}} wrong{{/number_problem}}">
<label for="phone">{{#en}}Mobile number of {{address}}{{/en}}{{#nl}}Mobiel nummer van {{address}}{{/nl}}</label>
<p class="hint" id="phone-hint">{{#en}}With the country's code, such as +31 6 12345678. Be sure that it is theirs: whoever has this phone can read the message.{{/en}}{{#nl}}Met het landnummer, zoals +31 6 12345678. Weet zeker dat het klopt: wie deze telefoon heeft, kan het bericht lezen.{{/nl}}</p>
{{#number_problem}}<p class="problem" id="phone-problem">{{number_problem}}</p>{{/number_problem}}
<input type="tel" id="phone" name="phone" autocomplete="off" inputmode="tel" maxlength="40" required value="{{typed}}" aria-describedby="phone-hint{{#number_problem}} phone-problem{{/number_problem}}"{{#number_problem}} aria-invalid="true"{{/number_problem}}>
</div>
<p><button class="wide">{{#en}}Send the notification{{/en}}{{#nl}}Verstuur de aankondiging{{/nl}}</button></p>
</form>
</div>
)html";

constexpr std::string_view kNumberSet = R"html(<div class="card">
<h1>{{#en}}Thank you{{/en}}{{#nl}}Dank u{{/nl}}</h1>
<div class="note good" role="status"><p>{{#en}}The recipient is being told that a message waits. The code goes to {{target}}.{{/en}}{{#nl}}De ontvanger krijgt nu bericht. De code gaat naar {{target}}.{{/nl}}</p></div>
<p>{{#en}}You can close this page.{{/en}}{{#nl}}U kunt deze pagina sluiten.{{/nl}}</p>
</div>
)html";

constexpr std::string_view kStale = R"html(<div class="card">
<h1>{{#en}}Please start again{{/en}}{{#nl}}Begin opnieuw, alstublieft{{/nl}}</h1>
<p>{{#en}}This page was open for too long, or your browser keeps no cookies for it. Nothing was done.{{/en}}{{#nl}}Deze pagina stond te lang open, of uw browser bewaart er geen cookies voor. Er is niets gebeurd.{{/nl}}</p>
<p><a class="button" href="{{base}}">{{#en}}Start again{{/en}}{{#nl}}Opnieuw beginnen{{/nl}}</a></p>
</div>
)html";

constexpr std::string_view kProblem = R"html(<div class="card">
<h1>{{#is_ours}}{{#en}}Not just now{{/en}}{{#nl}}Nu even niet{{/nl}}{{/is_ours}}{{^is_ours}}{{#en}}This does not work{{/en}}{{#nl}}Dit werkt niet{{/nl}}{{/is_ours}}</h1>
<p>{{#is_ours}}{{#en}}Something on our side is not available. Nothing is lost; please try again in a few minutes.{{/en}}{{#nl}}Aan onze kant is iets niet beschikbaar. Er gaat niets verloren; probeer het over enkele minuten weer.{{/nl}}{{/is_ours}}{{#is_too_large}}{{#en}}What you sent is too large.{{#reply_limit}} A reply and its attachments may have {{reply_limit}} together.{{/reply_limit}}{{/en}}{{#nl}}Wat u stuurde, is te groot.{{#reply_limit}} Een antwoord en zijn bijlagen mogen samen {{reply_limit}} zijn.{{/reply_limit}}{{/nl}}{{/is_too_large}}{{#is_other}}{{#en}}Your browser asked for something that this site does not offer. Open the link in your email again.{{/en}}{{#nl}}Uw browser vroeg iets wat deze site niet heeft. Open de link in uw e-mail opnieuw.{{/nl}}{{/is_other}}</p>
{{#base}}{{#reply_limit}}<p><a class="button second" href="{{base}}/reply">{{#en}}Back to your reply{{/en}}{{#nl}}Terug naar uw antwoord{{/nl}}</a></p>{{/reply_limit}}{{#is_ours}}<p><a class="button second" href="{{base}}">{{#en}}Try again{{/en}}{{#nl}}Probeer het opnieuw{{/nl}}</a></p>{{/is_ours}}{{/base}}
</div>
)html";

#define SM_TITLE(en, nl) "{{#en}}" en "{{/en}}{{#nl}}" nl "{{/nl}}"

constexpr TemplateText kTexts[] = {
    {"", kLayout},
    {SM_TITLE("A secure message", "Een beveiligd bericht"), kWelcome},
    {SM_TITLE("Locked for a while", "Tijdelijk geblokkeerd"), kLocked},
    {SM_TITLE("No longer available", "Niet meer beschikbaar"), kUnavailable},
    {SM_TITLE("Your message", "Uw bericht"), kMessage},
    {SM_TITLE("Reply", "Antwoord"), kReply},
    {SM_TITLE("Reply sent", "Antwoord verzonden"), kReplied},
    {SM_TITLE("Destroy the message?", "Het bericht vernietigen?"), kDone},
    {SM_TITLE("Destroyed", "Vernietigd"), kDestroyed},
    {SM_TITLE("Logged out", "Uitgelogd"), kLeft},
    {SM_TITLE("A phone number is needed", "Er is een telefoonnummer nodig"), kNumber},
    {SM_TITLE("Thank you", "Dank u"), kNumberSet},
    {SM_TITLE("Please start again", "Begin opnieuw"), kStale},
    {SM_TITLE("Not available", "Niet beschikbaar"), kProblem},
};

}  // namespace

const TemplateText& text_of(Template which) {
  return kTexts[static_cast<std::size_t>(which)];
}

std::string_view errors_template() {
  return kErrors;
}

}  // namespace sm::portal
