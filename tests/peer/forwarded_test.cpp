#include "peer/forwarded.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace starling::peer {
namespace {

using Field = ClientAddressField;

AddressSet proxies() {
    return AddressSet::read("proxies", {"10.0.0.0/8", "192.168.1.1", "2001:db8:f::/48", "unix"});
}

// The client's address; "-": the fields name none. " !": malformed.
std::string found(Field field, const std::vector<http::Field>& fields) {
    const auto client = forwarded_client(fields, field, proxies());
    return (client.address ? client.address->to_string() : "-") + (client.malformed ? " !" : "");
}

struct Case {
    std::string_view value;
    std::string want;
};

TEST(PeerForwarded, ReadsXForwardedForFromItsEnd) {
    const Case cases[] = {
        {"203.0.113.9", "203.0.113.9"},
        {" 203.0.113.9\t", "203.0.113.9"},
        {"1.2.3.4, 203.0.113.9", "203.0.113.9"},
        {"1.2.3.4,203.0.113.9,10.1.1.1", "203.0.113.9"},
        {"1.2.3.4, 203.0.113.9, 10.1.1.1, 192.168.1.1", "203.0.113.9"},
        {"203.0.113.9, 192.168.1.2", "192.168.1.2"},
        {"10.9.9.9, 10.1.1.1", "10.9.9.9"},  // The client itself is in the range.
        {"2001:db8::7", "2001:db8::7"},
        {"2001:DB8:0:0::7, 2001:db8:f::1", "2001:db8::7"},
        {"[2001:db8::7]", "2001:db8::7"},
        {"[2001:db8::7]:4711", "2001:db8::7"},
        {"::ffff:203.0.113.9", "203.0.113.9"},
        {"203.0.113.9:4711", "203.0.113.9"},
        {"garbage, 203.0.113.9", "203.0.113.9"},
        {"\"203.0.113.9, 203.0.113.8", "203.0.113.8"},
        {"203.0.113.9,, ,", "203.0.113.9"},
        {"", "-"},
        {" , ,", "-"},
        {"unknown", "-"},
        {"203.0.113.9, unknown", "-"},
        {"203.0.113.9, unknown, 10.1.1.1", "10.1.1.1"},
        {"203.0.113.9, _hidden", "-"},
        {"203.0.113.9, garbage", "- !"},
        {"203.0.113.9, garbage, 10.1.1.1", "10.1.1.1 !"},
        {"203.0.113.9 10.1.1.1", "- !"},
        {"203.0.113.9:", "- !"},
        {"203.0.113.9:123456", "- !"},
        {"203.0.113.9:8o", "- !"},
        {"203.0.113.256", "- !"},
        {"0x7f.1", "- !"},
        {"127.1", "- !"},
        {"[203.0.113.9]", "- !"},
        {"[2001:db8::7", "- !"},
        {"[2001:db8::7]4711", "- !"},
        {"fe80::1%eth0", "- !"},
        {"localhost", "- !"},
        {"_", "- !"},
        {"_a b", "- !"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(found(Field::x_forwarded_for, {{"X-Forwarded-For", c.value}}), c.want) << c.value;
}

TEST(PeerForwarded, ReadsForwarded) {
    const Case cases[] = {
        {"for=203.0.113.9", "203.0.113.9"},
        {"For=203.0.113.9;Proto=https;BY=10.1.1.1", "203.0.113.9"},
        {"proto=https; for=203.0.113.9 ; host=a", "203.0.113.9"},
        {"for=\"203.0.113.9:47011\"", "203.0.113.9"},
        {"for=203.0.113.9:47011", "203.0.113.9"},  // Without the quotes that it needs.
        {"for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"},
        {"for=\"[2001:db8:cafe::17]\"", "2001:db8:cafe::17"},
        {"for=\"[2001:db8:cafe::17]:_port\"", "2001:db8:cafe::17"},
        {"for=1.2.3.4, for=203.0.113.9, for=10.1.1.1", "203.0.113.9"},
        {"for=203.0.113.9;host=\"a,b;c\", for=10.1.1.1", "203.0.113.9"},
        {"for=unknown", "-"},
        {"for=\"_mystery\"", "-"},
        {"for=_SEVKISEK:80", "-"},
        {"for=203.0.113.9, for=unknown, for=10.1.1.1", "10.1.1.1"},
        // What the client has sent does not change what the proxy appends.
        {"for=\"1.2.3.4, for=203.0.113.9", "203.0.113.9"},
        {"for=\\\", for=203.0.113.9", "203.0.113.9"},
        {"for=\"\\\"\", for=203.0.113.9", "203.0.113.9"},
        {"", "-"},
        {"for=", "- !"},
        {"for", "- !"},
        {"proto=https", "- !"},
        {"for=203.0.113.9;for=203.0.113.8", "- !"},
        {"for=2001:db8::1", "- !"},
        {"for=\"2001:db8::1\"", "- !"},
        {"for=\"203.0.113.9", "- !"},
        {"for=\"203.0.113.9\"x", "- !"},
        {"for=\"203.0.\\113.9\"", "- !"},
        {"f or=203.0.113.9", "- !"},
        {"for=203.0.113.9;=", "- !"},
        {"for=203.0.113.9;x", "- !"},
        {"for=203.0.113.9 10.0.0.1", "- !"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(found(Field::forwarded, {{"forwarded", c.value}}), c.want) << c.value;
}

TEST(PeerForwarded, ReadsXRealIp) {
    const Case cases[] = {
        {"203.0.113.9", "203.0.113.9"},
        {" 2001:db8::7 ", "2001:db8::7"},
        {"[2001:db8::7]:1", "2001:db8::7"},
        {"10.1.1.1", "10.1.1.1"},
        {"unknown", "-"},
        {"", "- !"},
        {"203.0.113.9, 10.1.1.1", "- !"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(found(Field::x_real_ip, {{"X-Real-IP", c.value}}), c.want) << c.value;
    EXPECT_EQ(found(Field::x_real_ip, {{"X-Real-IP", "1.2.3.4"}, {"x-real-ip", "1.2.3.4"}}), "- !");
}

TEST(PeerForwarded, BelievesOneFieldAlone) {
    const std::vector<http::Field> all = {{"Forwarded", "for=203.0.113.1"},
                                          {"X-Forwarded-For", "203.0.113.2"},
                                          {"X-Real-IP", "203.0.113.3"},
                                          {"X-Forwarded", "203.0.113.4"}};
    EXPECT_EQ(found(Field::forwarded, all), "203.0.113.1");
    EXPECT_EQ(found(Field::x_forwarded_for, all), "203.0.113.2");
    EXPECT_EQ(found(Field::x_real_ip, all), "203.0.113.3");
    EXPECT_EQ(found(Field::none, all), "-");
    EXPECT_EQ(found(Field::x_forwarded_for, {all[0], all[2]}), "-");
}

TEST(PeerForwarded, TakesSeveralLinesAsOneList) {
    const std::string_view name = "X-Forwarded-For";
    EXPECT_EQ(found(Field::x_forwarded_for, {{name, "1.2.3.4"}, {name, "203.0.113.9"}}),
              "203.0.113.9");
    EXPECT_EQ(found(Field::x_forwarded_for,
                    {{name, "1.2.3.4"}, {name, "203.0.113.9, 10.1.1.1"}, {name, "10.1.1.2"}}),
              "203.0.113.9");
    EXPECT_EQ(
        found(Field::forwarded, {{"Forwarded", "for=\"1.2.3.4"}, {"Forwarded", "for=203.0.113.9"}}),
        "203.0.113.9");
}

// "tls", "clear"; "-": the fields do not name the client's scheme. " !": malformed.
std::string scheme(Field field, const std::vector<http::Field>& fields) {
    const auto client = forwarded_client(fields, field, proxies());
    return (!client.secure   ? "-"
            : *client.secure ? "tls"
                             : "clear") +
           std::string(client.scheme_malformed ? " !" : "");
}

TEST(PeerForwarded, ReadsXForwardedProtoAtTheHopOfTheClient) {
    struct SchemeCase {
        std::string_view hops, protos;
        std::string want;
    };
    const std::string_view one = "203.0.113.9", three = "203.0.113.9, 10.1.1.2, 10.1.1.1";
    const SchemeCase cases[] = {
        {one, "https", "tls"},
        {one, " HTTPS\t", "tls"},
        {one, "wss", "tls"},
        {one, "http", "clear"},
        {one, "ws", "clear"},
        {one, "", "-"},
        {one, " , ,", "-"},
        {one, "ftp", "- !"},
        {one, "https;", "- !"},
        {one, "\"https\"", "- !"},
        {one, "https http", "- !"},
        {one, "https://", "- !"},
        {one, "1", "- !"},
        // What the client has sent stands before what its proxy appends.
        {one, "https, http", "clear"},
        {one, "garbage, https", "tls"},
        {one, "https, garbage", "- !"},
        {three, "https, http, http", "tls"},
        {three, "http, https, http, http", "tls"},
        {three, "https", "tls"},
        {three, "https, http", "- !"},  // Only some of the proxies have appended.
        {"10.9.9.9, 10.1.1.1", "https, http", "tls"},
        {"203.0.113.9, garbage, 10.1.1.1", "https, http", "tls"},
        {"", "https", "tls"},
        {"", "https, http", "clear"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(scheme(Field::x_forwarded_for,
                         {{"x-forwarded-for", c.hops}, {"X-Forwarded-Proto", c.protos}}),
                  c.want)
            << c.hops << " | " << c.protos;
}

TEST(PeerForwarded, ReadsTheSchemeInForwarded) {
    const Case cases[] = {
        {"for=203.0.113.9;proto=https", "tls"},
        {"Proto=\"HTTPS\";For=203.0.113.9", "tls"},
        {"for=203.0.113.9;proto=http", "clear"},
        {"for=203.0.113.9", "-"},
        {"for=1.2.3.4;proto=https, for=203.0.113.9", "-"},
        {"for=1.2.3.4;proto=http, for=203.0.113.9;proto=https", "tls"},
        {"for=203.0.113.9;proto=https, for=10.1.1.1;proto=http", "tls"},
        {"for=203.0.113.9, for=10.1.1.1;proto=https", "-"},
        {"for=unknown;proto=https", "tls"},
        {"proto=https", "tls"},
        {"for=203.0.113.9;proto=ftp", "- !"},
        {"for=203.0.113.9;proto=", "-"},
        {"for=203.0.113.9;proto=https;proto=https", "-"},
        {"for=203.0.113.9;proto=https;x", "-"},
        {"", "-"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(scheme(Field::forwarded, {{"forwarded", c.value}}), c.want) << c.value;
}

TEST(PeerForwarded, BelievesOneFieldForTheScheme) {
    const http::Field rfc{"Forwarded", "for=203.0.113.1;proto=https"};
    const http::Field proto{"X-Forwarded-Proto", "https"}, real{"X-Real-IP", "203.0.113.3"};
    EXPECT_EQ(scheme(Field::forwarded, {proto}), "-");
    EXPECT_EQ(scheme(Field::x_forwarded_for, {rfc}), "-");
    EXPECT_EQ(scheme(Field::x_real_ip, {real, proto}), "tls");
    EXPECT_EQ(scheme(Field::x_real_ip, {real, proto, {"x-forwarded-proto", "http"}}), "clear");
    EXPECT_EQ(scheme(Field::none, {rfc, proto}), "-");
    EXPECT_EQ(scheme(Field::x_forwarded_for, {proto, {"x-forwarded-proto", "http"}}), "clear");
}

TEST(PeerForwarded, LimitsTheTrustedHopsAlone) {
    std::string client_hops, trusted_hops = "203.0.113.9";
    for (int i = 0; i < 200; ++i) client_hops += "203.0.113.7, ";
    for (unsigned i = 0; i < hops_max; ++i) trusted_hops += ", 10.1.1." + std::to_string(i);
    const std::string last = client_hops + "203.0.113.9", name = "X-Forwarded-For";
    EXPECT_EQ(found(Field::x_forwarded_for, {{name, last}}), "203.0.113.9");
    EXPECT_EQ(found(Field::x_forwarded_for, {{name, trusted_hops}}), "10.1.1.0 !");
}

}  // namespace
}  // namespace starling::peer
