#include <catch2/catch.hpp>

#include "base/address.h"

using sm::IpAddress;
using sm::IpPrefix;
using sm::ServerAddress;

TEST_CASE("an IPv4-mapped address is the IPv4 address that it means", "[address][A28]") {
  CHECK(IpAddress::parse("::ffff:192.0.2.1") == IpAddress::parse("192.0.2.1"));
  CHECK(IpAddress::parse("::ffff:c000:201")->text() == "192.0.2.1");
  CHECK(IpAddress::parse("::ffff:127.0.0.1")->is_loopback());
}

TEST_CASE("address text is strict and comes back canonical", "[address]") {
  for (const char* wrong : {"", "127.1", "0177.0.0.1", "1.2.3.4.5", "1.2.3.256", "01.2.3.4",
                            "1.2.3.4 ", "[::1]", "fe80::1%lo", ":::", "1::2::3", "0x7f.0.0.1"}) {
    INFO(wrong);
    CHECK_FALSE(IpAddress::parse(wrong));
  }
  CHECK_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
  CHECK(IpAddress::parse("2001:0DB8:0:0:0:0:0:1")->text() == "2001:db8::1");
  CHECK(IpAddress::parse("2001:db8::1")->literal() == "[IPv6:2001:db8::1]");
  CHECK(IpAddress::parse("192.0.2.1")->literal() == "[192.0.2.1]");
}

TEST_CASE("no way of writing a private address passes for public", "[address][A28]") {
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.1.2.3",
                           "100.64.0.1",
                           "127.0.0.1",
                           "127.255.0.1",
                           "169.254.1.1",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "224.0.0.1",
                           "239.1.1.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:10.0.0.1",
                           "::10.0.0.1",
                           "64:ff9b::7f00:1",
                           "2002:7f00:1::",
                           "2002:0a00:0001::1",
                           "fc00::1",
                           "fd12::1",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff02::1",
                           "100::1"}) {
    INFO(text);
    CHECK_FALSE(IpAddress::parse(text)->is_public());
  }
  for (const char* text : {"192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "172.32.0.1",
                           "100.128.0.1", "8.8.8.8", "2a00::1", "2002:c000:201::1"}) {
    INFO(text);
    CHECK(IpAddress::parse(text)->is_public());
  }
}

TEST_CASE("a prefix contains its own and no other addresses", "[address]") {
  const auto prefix = IpPrefix::parse("172.16.0.0/12");
  REQUIRE(prefix);
  CHECK(prefix->contains(*IpAddress::parse("172.31.255.255")));
  CHECK_FALSE(prefix->contains(*IpAddress::parse("172.32.0.0")));
  CHECK_FALSE(prefix->contains(*IpAddress::parse("fe80::1")));
  CHECK(IpPrefix::parse("10.1.2.3")->text() == "10.1.2.3/32");
  CHECK(IpPrefix::parse("::/0")->contains(*IpAddress::parse("2001:db8::1")));
  for (const char* wrong : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "/8",
                            "2001:db8::1/32", "::ffff:10.0.0.0/104"}) {
    INFO(wrong);
    CHECK_FALSE(IpPrefix::parse(wrong));
  }
}

TEST_CASE("a resolver is ADDR or ADDR@PORT", "[address]") {
  CHECK(ServerAddress::parse("192.0.2.53", 53)->text() == "192.0.2.53@53");
  CHECK(ServerAddress::parse("2001:db8::53@5353", 53)->text() == "2001:db8::53@5353");
  for (const char* wrong : {"", "@53", "192.0.2.53@", "192.0.2.53@0", "192.0.2.53@65536",
                            "192.0.2.53:53", "resolver.example", "192.0.2.53@53@53"}) {
    INFO(wrong);
    CHECK_FALSE(ServerAddress::parse(wrong, 53));
  }
}
