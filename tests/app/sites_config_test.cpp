// The keys of sites by host name and of the redirecting listener.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "app/config/config.h"

namespace starling::app {
namespace {

// "": the text is a valid configuration.
std::string fault_of(const std::string& text) {
    Config config;
    return config.read_text("s.yaml", text) && config.finish() ? "" : config.error();
}

TEST(SitesConfig, SetsTheSites) {
    const std::string folder = testing::TempDir(), file = folder + "/sites_config_file";
    std::ofstream(file) << "x";
    Config config;
    ASSERT_TRUE(config.read_text("s.yaml", R"(
hosts: ["localhost"]
unknown_host: misdirected
headers: {add: ["X-A: b: c"], remove: [X-Gone]}
sites:
  - hosts: ["One.example", "*.one.example"]
    root: ")" + folder + R"("
    compression: false
    headers: {add: ["X-One: 1"], remove: [X-Two]}
    cert: ")" + file + R"("
    key: ")" + file + R"("
files: [{path: /pub, root: ")" + folder + R"(", site: "*.one.example"}]
websocket: [{path: /ws, kind: echo, site: One.example}, {path: /ws, kind: echo}]
listen: [{address: ":8443", tls: true}]
redirect: {listen: [":8080"], https_port: 8443, acme_root: ")" +
                                               folder + R"("}
)") && config.finish())
        << config.error();
    EXPECT_TRUE(config.warnings().empty());
    const Settings& s = config.settings();
    EXPECT_EQ(s.unknown_host, UnknownHost::misdirected);
    EXPECT_EQ(s.add_headers, std::vector<std::string>{"X-A: b: c"});
    ASSERT_EQ(s.sites.size(), 1u);
    EXPECT_EQ(s.sites[0].hosts.size(), 2u);
    EXPECT_FALSE(s.sites[0].statics.options.gzip);
    EXPECT_EQ(s.sites[0].remove_headers, std::vector<std::string>{"X-Two"});
    EXPECT_EQ(s.files.at(0).site, "*.one.example");
    EXPECT_EQ(s.redirect.https_port, 8443u);
    EXPECT_TRUE(has_certificates(s));
}

TEST(SitesConfig, SaysWhatIsWrong) {
    const struct {
        std::string text, want;
    } cases[] = {
        {"sites: [{}]", "s.yaml:1: key 'sites[0].hosts': is missing"},
        {"sites: [{hosts: []}]", "s.yaml:1: key 'sites[0].hosts': must hold a host"},
        {"sites: [{hosts: ['a:80']}]",
         "s.yaml:1: key 'sites[0].hosts[0]': must be a host like example.com, *.example.com or "
         "[2001:db8::1]"},
        {"sites: [{hosts: [a, b]}, {hosts: [B.]}]",
         "s.yaml:1: key 'sites[1].hosts': names 'B.', as sites[0].hosts does"},
        {"hosts: [a]\nunknown_host: not_found\nsites: [{hosts: [A]}]",
         "s.yaml:3: key 'sites[0].hosts': names 'A', as hosts does"},
        {"unknown_host: misdirected",
         "s.yaml:1: key 'unknown_host': needs hosts or sites: every host would be unknown"},
        {"sites: [{hosts: [a], root: /nowhere/at/all}]",
         "s.yaml:1: key 'sites[0].root': cannot open folder '/nowhere/at/all': No such file or "
         "directory"},
        {"sites: [{hosts: [a], cert: x.pem}]",
         "s.yaml:1: key 'sites[0].cert': needs the private key too"},
        {"sites: [{hosts: [a], key: x.pem}]",
         "s.yaml:1: key 'sites[0].key': needs the certificate too"},
        {"sites: [{hosts: [a], cert: /no.pem, key: /no.pem}]",
         "s.yaml:1: key 'sites[0].cert': cannot read '/no.pem': No such file or directory"},
        {"sites: [{hosts: [a], headers: {add: [X-A]}}]",
         "s.yaml:1: key 'sites[0].headers.add[0]': must be a field like X-Frame-Options: DENY"},
        {"sites: [{hosts: [a], headers: {remove: ['X A']}}]",
         "s.yaml:1: key 'sites[0].headers.remove[0]': must be a token: letters, digits and "
         "!#$%&'*+-.^_`|~"},
        {"sites: [{host: [a]}]",
         "s.yaml:1: key 'sites[0].host': is not known (did you mean 'hosts'?)"},
        // A name that is known elsewhere, in one place alone.
        {"head_bytes_max: 5",
         "s.yaml:1: key 'head_bytes_max': is not known (did you mean 'http.head_bytes_max'?)"},
        {"http: {certificates: []}", "s.yaml:1: key 'http.certificates': is not known"},
        {"tls: {acme_root: x}",
         "s.yaml:1: key 'tls.acme_root': is not known (did you mean 'redirect.acme_root'?)"},
        {"tls: {path: x}", "s.yaml:1: key 'tls.path': is not known"},
        {"websocket: [{path: /a, kind: echo, site: a}]",
         "s.yaml:1: key 'websocket[0].site': must be a host of an element of sites"},
        {"files: [{path: /a, root: /, site: a}]",
         "s.yaml:1: key 'files[0].site': must be a host of an element of sites"},
        {"events: {site: a}", "s.yaml:1: key 'events.site': must be a host of an element of sites"},
        {"gateway: {enabled: true, routes: [{site: a, application: ''}]}",
         "s.yaml:1: key 'gateway.routes[0].site': must be a host of an element of sites"},
        {"sites: [{hosts: [a, b]}]\ngateway: {enabled: true, routes: [{site: a, application: ''}, "
         "{site: b, application: ''}]}",
         "s.yaml:2: key 'gateway.routes[1]': is the same path as gateway.routes[0].path"},
        {"sites: [{hosts: [a], origins: [nonsense]}]",
         "s.yaml:1: key 'sites[0].origins[0]': must be an origin like https://example.com or "
         "https://*.example.com, or *"},
        {"sites: [{hosts: [a], cors: {origins: ['*'], credentials: true}}]",
         "s.yaml:1: key 'sites[0].cors.credentials': must be false where sites[0].cors.origins "
         "holds \"*\""},
        {"sites: [{hosts: [a], hide: [chat]}]",
         "s.yaml:1: key 'sites[0].hide[0]': must be a path like /chat"},
        {"sites: [{hosts: [a], socketio: maybe}]",
         "s.yaml:1: key 'sites[0].socketio': must be true or false"},
        {"redirect: {listen: [nonsense]}",
         "s.yaml:1: key 'redirect.listen[0]': must be an address like 127.0.0.1:8080, [::1]:8080, "
         ":8080 or unix:/path"},
        {"listen: [{address: ':1', tls: true}]",
         "s.yaml:1: key 'listen[0].tls': needs a certificate: tls.certificates is empty"},
    };
    for (const auto& [text, want] : cases) EXPECT_EQ(fault_of(text), want) << text;
}

}  // namespace
}  // namespace starling::app
