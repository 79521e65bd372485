#include <catch2/catch.hpp>
#include <string>

#include "base/encoding.h"
#include "base/secret.h"
#include "reading/css.h"
#include "reading/html.h"
#include "support/html_judge.h"

using namespace sm;
using namespace sm::reading;
using sm::test::HtmlJudge;

namespace {

const std::string kPng = std::string("\x89PNG\r\n\x1a\n", 8) + "rest";

CleanHtml cleaned(std::string_view html) {
  return clean_html(
      html,
      [](std::string_view id) -> std::optional<std::string> {
        if (id != "logo@delinde.example") return std::nullopt;
        return "data:image/png;base64," + to_base64(as_bytes(kPng));
      },
      [](std::size_t octets) { return octets < 1000; });
}

std::string body_of(std::string_view html) {
  auto clean = cleaned(html);
  INFO(html);
  INFO(clean.body);
  CHECK(HtmlJudge(clean.body).verdict() == "");
  return std::move(clean.body);
}

bool has(std::string_view text, std::string_view what) {
  return text.find(what) != text.npos;
}

}  // namespace

TEST_CASE("what people write in mail stays as it was", "[reading]") {
  CHECK(body_of("<p>Dag <b>Anna</b>, 3 &lt; 4 &amp; &eacute;</p>") ==
        "<p>Dag <b>Anna</b>, 3 &lt; 4 &amp; &eacute;</p>");
  CHECK(body_of("<table border=1><tr><td colspan=\"2\" bgcolor=#eee>x</td></tr></table>") ==
        "<table border=\"1\"><tr><td colspan=\"2\" bgcolor=\"#eee\">x</td></tr></table>");
  CHECK(body_of("<div style=\"COLOR: Red; margin:0 auto\">x</div>") ==
        "<div style=\"color:red;margin:0 auto;\">x</div>");
  CHECK(body_of("<ul><li>a<li>b</ul><p>c<p>d") == "<ul><li>a</li><li>b</li></ul><p>c</p><p>d</p>");
  CHECK(body_of("a < b > c") == "a &lt; b &gt; c");
}

TEST_CASE("links open elsewhere and only http, https and mailto are links", "[reading]") {
  CHECK(body_of("<a href=\"https://a.example/?x=1&amp;y=2\" ping=\"https://p.example\">x</a>") ==
        "<a href=\"https://a.example/?x=1&amp;y=2\" target=\"_blank\" "
        "rel=\"noopener noreferrer nofollow\">x</a>");
  CHECK(has(body_of("<a href='MAILTO:jan@delinde.example'>x</a>"), "MAILTO:jan@"));
  CHECK(body_of("<a href=\"#top\">x</a>") == "<a href=\"#top\">x</a>");
  for (const char* url : {"javascript:alert(1)",
                          "JaVaScRiPt:alert(1)",
                          " javascript:alert(1)",
                          "java\tscript:alert(1)",
                          "java&#10;script:alert(1)",
                          "&#x6a;avascript:alert(1)",
                          "javascript&colon;alert(1)",
                          "\x01javascript:alert(1)",
                          "data:text/html,<script>alert(1)</script>",
                          "vbscript:x",
                          "/l/token",
                          "//evil.example/",
                          "file:///etc/passwd",
                          "blob:x",
                          "about:blank",
                          "cid:x",
                          "https:",
                          "tel:112",
                          "view-source:https://a.example",
                          "https&Tab;://a.example"}) {
    CHECK_FALSE(has(body_of("<a href=\"" + std::string(url) + "\">x</a>"), "javascript"));
    CHECK_FALSE(has(body_of("<a href=\"" + std::string(url) + "\">x</a>"), "vbscript"));
  }
  CHECK(body_of("<a href=\"/l/token\">x</a>") == "<a>x</a>");
  CHECK(body_of("<a href=\"//evil.example\">x</a>") == "<a>x</a>");
}

TEST_CASE("images are those of the message, and raster ones", "[reading]") {
  const auto shown = body_of("<img src=\"cid:logo%40delinde.example\" width=10>");
  CHECK(has(shown, "src=\"data:image/png;base64,"));
  CHECK(has(shown, "alt=\"\""));
  for (const char* blocked :
       {"<img src=https://track.example/p.gif alt=Logo>", "<img src=//track.example/p.gif>",
        "<img src=cid:other>", "<img srcset='https://track.example/p 2x'>",
        "<img src=data:image/svg+xml;base64,PHN2Zz4=>", "<img src=data:image/png;base64,PHN2Zz4=>",
        "<img src=data:image/png,x>", "<table background=https://track.example/b.png>"}) {
    INFO(blocked);
    CHECK_FALSE(has(body_of(blocked), "src="));
    CHECK(cleaned(blocked).has_blocked_images);
  }
  CHECK(body_of("<img src=https://t.example/p.gif alt=Logo>") == "<img alt=\"Logo\">");
  const auto data = "<img src=\"data:image/gif;base64," + to_base64(as_bytes(kPng)) + "\">";
  CHECK(has(body_of(data), "src=\"data:image/png;base64,"));  // by its octets, not by its word
  const std::string large = kPng + std::string(2000, 'x');
  CHECK_FALSE(has(body_of("<img src=\"data:image/png;base64," + to_base64(as_bytes(large)) + "\">"),
                  "src="));
}

TEST_CASE("raster images are told by their first octets", "[reading]") {
  CHECK(raster_type(kPng) == "image/png");
  CHECK(raster_type("\xff\xd8\xff\xe0") == "image/jpeg");
  CHECK(raster_type("GIF89a") == "image/gif");
  CHECK(raster_type("RIFF\1\2\3\4WEBPVP8 ") == "image/webp");
  CHECK(raster_type("RIFF\1\2\3\4WAVE").empty());
  CHECK(raster_type("<svg xmlns='http://www.w3.org/2000/svg'/>").empty());
  CHECK(raster_type("").empty());
}

TEST_CASE("nothing that runs, loads, submits or moves comes through", "[reading]") {
  for (const char* hostile : {
           "<script>alert(1)</script>",
           "<SCRIPT SRC=https://e.example/x.js></SCRIPT>",
           "<script/x>alert(1)</script/x>after",
           "<scr<script>ipt>alert(1)</script>",
           "<img src=x onerror=alert(1)>",
           "<img src=x oNeRrOr=alert(1)//",
           "<body onload=alert(1)>",
           "<div onclick='alert(1)' onmouseover=\"alert(1)\">x</div>",
           "<svg onload=alert(1)><script>alert(1)</script></svg>",
           "<svg><style><img src=x onerror=alert(1)></style></svg>",
           "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 "
           "onerror=alert(1)&gt;\">",
           "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
           "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
           "<textarea></textarea><img src=x onerror=alert(1)>",
           "<title><a title='</title><img src=x onerror=alert(1)>'>",
           "<style></style><img src=x onerror=alert(1)>",
           "<xmp><img src=x onerror=alert(1)></xmp>",
           "<plaintext><img src=x onerror=alert(1)>",
           "<!--><img src=x onerror=alert(1)>-->",
           "<!--><script>alert(1)</script>-->",
           "<!-- --!><img src=x onerror=alert(1)> -->",
           "<![CDATA[<img src=x onerror=alert(1)>]]>",
           "<?xml-stylesheet href=https://e.example/?><p>x",
           "<iframe src=https://e.example></iframe>",
           "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
           "<object data=https://e.example><param name=x></object>",
           "<embed src=https://e.example>",
           "<applet code=x></applet>",
           "<base href=https://e.example/><a href=x>x</a>",
           "<meta http-equiv=refresh content='0;url=https://e.example'>",
           "<meta http-equiv=x-dns-prefetch-control content=on>",
           "<link rel=stylesheet href=https://e.example/x.css>",
           "<link rel=dns-prefetch href=//e.example><link rel=prefetch href=//e.example>",
           "<form action=https://e.example><input name=x autofocus onfocus=alert(1)><button "
           "formaction=javascript:alert(1)>x</button></form>",
           "<video poster=https://e.example/p src=https://e.example/v autoplay></video>",
           "<audio src=https://e.example/a autoplay onloadstart=alert(1)></audio>",
           "<picture><source srcset=https://e.example/p><img src=https://e.example/p></picture>",
           "<input type=image src=https://e.example/p>",
           "<map name=m><area href=javascript:alert(1)></map>",
           "<table><td background=https://e.example/b>",
           "<template><img src=x onerror=alert(1)></template>",
           "<frameset onload=alert(1)><frame src=https://e.example></frameset>",
           "<p style=\"background:url(https://e.example/b)\">",
           "<p style=\"background:u\\72l(https://e.example/b)\">",
           "<p style='background:&#117;rl(https://e.example/b)'>",
           "<p style=\"background:image-set('https://e.example/b' 1x)\">",
           "<p style=\"width:expression(alert(1))\">",
           "<p style=\"behavior:url(#default#time2)\">",
           "<p style=\"-moz-binding:url(https://e.example)\">",
           "<p style=\"color:red;}</style><script>alert(1)</script>\">",
           "<p class='\"><img src=x onerror=alert(1)>'>",
           "<p id=\"x\" id='\" onclick=alert(1)'>",
           "<p title='x\" onclick=\"alert(1)'>",
           "<p title=`\" onclick=alert(1)`>",
           "<p/onclick=alert(1)/title=x>",
           "<p \"onclick=alert(1)>",
           "<p =\"onclick=alert(1)>",
           "<p\x0bonclick=alert(1)>",
           "<a href=x:y\" onclick=\"alert(1)\">",
           "</p onclick=alert(1)>",
           "<img src=\"cid:logo@delinde.example\" onerror=alert(1)>",
           "<details open ontoggle=alert(1)>",
           "<x onclick=alert(1)>x</x>",
           "<b><i></b></i></p></table></div>",
           "<table><a></table></a><tr><td></a>",
           "<select><template><img src=x onerror=alert(1)></select>",
           "<isindex action=https://e.example>",
           "<img",
           "<img src=\"x",
           "<",
           "</",
           "<!",
           "<!--",
           "<a href=\"https://e.example",
       }) {
    const auto body = body_of(hostile);
    CHECK_FALSE(has(body, "e.example"));
    CHECK_FALSE(has(body, "<script"));
  }
}

TEST_CASE("what is left out ends where the reader of the message expects it", "[reading]") {
  CHECK(body_of("<head><title>x</title><base href=/></head><body>seen</body>") ==
        "<div>seen</div>");
  CHECK(body_of("<head><title>x</title><p>seen") == "<p>seen</p>");
  CHECK(body_of("<svg><svg>a</svg>b</svg>seen") == "seen");
  CHECK(body_of("<svg/>seen") == "seen");
  CHECK(body_of("<noscript>seen</noscript>") == "seen");
  CHECK(body_of("<script>a</scripture>b</script>seen") == "seen");
}

TEST_CASE("style sheets keep how things look and nothing that loads", "[reading]") {
  CHECK(clean_sheet("p.MsoNormal, li {margin:0cm; mso-x: y; font-family:\"Calibri\",sans-serif}") ==
        "p.MsoNormal, li{margin:0cm;font-family:\"calibri\",sans-serif;}");
  CHECK(clean_sheet("<!-- p{color:red} -->") == "p{color:red;}");
  CHECK(clean_sheet("@media (max-width:600px){p{color:red} td{width:1px}}b{color:blue}") ==
        "@media (max-width:600px){p{color:red;}td{width:1px;}}b{color:blue;}");
  for (const char* hostile :
       {"@import url(https://e.example/x.css);", "@import 'https://e.example/x.css';",
        "@font-face{font-family:x;src:url(https://e.example/f)}", "p{background:url(//e.example)}",
        "p{background:u/**/rl(//e.example)}", "p{background-image:url(//e.example)}",
        "p{content:url(//e.example)}", "p{cursor:url(//e.example),auto}",
        "p{list-style:url(//e.example)}", "@media x{@import '//e.example';}",
        "p{color:red;background:\\75rl(//e.example)}", "a[href^='//e.example']{color:red}",
        "p{color:red}</style><script src=//e.example>", "@namespace url(//e.example);",
        "p{background:image(//e.example)}", "@media (xurl(e.example)){p{color:red}}",
        "p{--x:url(//e.example)}", "p{font:var(--e.example)}"}) {
    const auto sheet = clean_sheet(hostile);
    INFO(hostile << " -> " << sheet);
    CHECK_FALSE(has(sheet, "e.example"));
    CHECK_FALSE(has(sheet, "<"));
    CHECK_FALSE(has(sheet, "url("));
  }
  CHECK(clean_sheet(".curl{color:red}") == ".curl{color:red;}");
  CHECK(clean_sheet("p{").empty());
  CHECK(clean_sheet("}{}{p").empty());
  CHECK(clean_sheet("@media").empty());
  CHECK(clean_sheet("@media x{p{color:red").size() < 40);
}

TEST_CASE("A54: a million tags, a depth without end and the same image ever again stay bounded",
          "[reading]") {
  std::string deep;
  for (int i = 0; i < 100'000; ++i)
    deep += "<div><b>";
  const auto body = body_of(deep);
  CHECK(body.size() < 10'000);
  std::string lists;
  for (int i = 0; i < 100'000; ++i)
    lists += "<li>x";
  CHECK(has(body_of(lists), "x</li><li>x"));
  std::string attributes = "<p";
  for (int i = 0; i < 100'000; ++i)
    attributes += " a" + std::to_string(i) + "=1";
  body_of(attributes + " onclick=1>");
  std::string sheet;
  for (int i = 0; i < 60'000; ++i)
    sheet += "a{}";
  CHECK(clean_sheet(sheet).empty());
}

TEST_CASE("the text of HTML reads like the page", "[reading]") {
  CHECK(
      text_of_html("<style>p{}</style><p>Dag  Anna,\n</p><p>tot&nbsp;morgen &amp; &eacute;&eacute;n"
                   "<br>Jan</p><ul><li>a<li>b</ul>") ==
      "Dag Anna,\n\ntot\xc2\xa0morgen & \xc3\xa9\xc3\xa9n\nJan\n\n- a\n- b\n");
  CHECK(text_of_html("<script>x</script><!-- y -->").empty());
  CHECK(text_of_html("<pre>a\n  b</pre>") == "a\n  b\n");
}
