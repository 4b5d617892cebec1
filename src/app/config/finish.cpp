// app/config/finish.cpp: the part of app/config/config.h that checks the settings as a whole.
#include "app/config/config.h"

#include "app/config/site_paths.h"
#include "app/key_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace starling::app {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

std::string element(std::string_view key, size_t index) {
    return std::string(key) + "[" + std::to_string(index) + "]";
}

}  // namespace

bool has_certificates(const Settings& settings) noexcept {
    return !settings.server.certificates.empty() ||
           std::ranges::any_of(settings.sites,
                               [](const SiteSettings& site) { return !site.cert.empty(); });
}

bool uses_tls(const Listen& listen, bool shared) noexcept {
    const bool certified = shared || !listen.certificate.certificate_chain_path.empty();
    return listen.tls == Listen::Tls::on || (listen.tls == Listen::Tls::automatic && certified);
}

bool Config::finish() {
    note_changed();
    if (!finish_certificates() || !finish_listen() || !finish_websocket() || !finish_keys() ||
        !finish_clients() || !finish_gateway() || !finish_socketio() || !finish_sites() ||
        !finish_admin() || !finish_kinds_of_paths() || !finish_addresses() || !finish_owners() ||
        !finish_meaning())
        return false;
    if (!settings_.root.empty() && !is_folder("root", settings_.root)) return false;
    const http::CorsOptions& cors = settings_.cors;
    const bool anybody = std::ranges::find(cors.origins, "*") != cors.origins.end();
    if (cors.credentials && anybody) {
        return fail_at("http.cors.credentials",
                       "must be false where http.cors.origins holds \"*\"");
    }
    return true;
}

bool Config::is_folder(const std::string& key, const std::string& path) {
    DIR* folder = ::opendir(path.c_str());
    if (!folder) {
        const std::string why = reason(errno);
        return fail_at(key, "cannot open folder '" + path + "': " + why);
    }
    ::closedir(folder);
    return true;
}

bool Config::finish_certificates() {
    if (settings_.tls_cert.empty() != settings_.tls_key.empty()) {
        const bool cert = !settings_.tls_cert.empty();
        return fail_at(cert ? "tls_cert" : "tls_key",
                       cert ? "needs the private key too" : "needs the certificate too");
    }
    std::vector<Certificate>& certificates = settings_.server.certificates;
    if (!settings_.tls_cert.empty()) {
        certificates = {{settings_.tls_cert, settings_.tls_key}};
        return readable("tls_cert", settings_.tls_cert) && readable("tls_key", settings_.tls_key);
    }
    for (size_t i = 0; i < certificates.size(); ++i) {
        const std::string key = element("tls.certificates", i);
        if (!readable(key + ".cert", certificates[i].certificate_chain_path)) return false;
        if (!readable(key + ".key", certificates[i].private_key_path)) return false;
    }
    return true;
}

bool Config::readable(const std::string& key, const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        const std::string why = reason(errno);
        return fail_at(key, "cannot read '" + path + "': " + why);
    }
    struct stat status {};
    const bool file = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    ::close(descriptor);
    return file || fail_at(key, "cannot read '" + path + "': not a file");
}

bool Config::finish_listen() {
    const ListenList& listen = settings_.server.listen;
    if (listen.empty()) return fail_at("listen", "must hold an address");
    for (size_t i = 0; i < listen.size(); ++i) {
        const std::string key = element("listen", i);
        if (!finish_certificate(listen[i], key)) return false;
        for (const char* name : {".mode", ".owner", ".group"})
            if (names(key + name) && !listen[i].address.starts_with("unix:"))
                return fail_at(key + name, "is for Unix-domain sockets alone");
    }
    return true;
}

// Of one address.
bool Config::finish_certificate(const Listen& listen, const std::string& key) {
    const Certificate& own = listen.certificate;
    const bool has_cert = !own.certificate_chain_path.empty();
    if (has_cert == own.private_key_path.empty())
        return fail_at(key + (has_cert ? ".cert" : ".key"),
                       has_cert ? "needs the private key too" : "needs the certificate too");
    if (has_cert && listen.tls == Listen::Tls::off)
        return fail_at(key + ".cert", "needs TLS, which " + key + ".tls switches off");
    if (listen.tls == Listen::Tls::on && !has_cert && !has_certificates(settings_))
        return fail_at(key + ".tls", "needs a certificate: tls.certificates is empty");
    return !has_cert || (readable(key + ".cert", own.certificate_chain_path) &&
                         readable(key + ".key", own.private_key_path));
}

bool Config::finish_clients() {
    const ServerOptions& server = settings_.server;
    const auth::Options& auth = settings_.events.auth;
    if (!auth.user_header.empty() && auth.trusted_proxies.empty() && server.trusted_proxies.empty())
        return fail_at("auth.user_header", "needs trusted_proxies: no proxy is believed");
    if (server.trusted_proxies.empty())
        warn_without_effect("client_address_header", "trusted_proxies");
    const Limits& limits = server.limits;
    const std::pair<std::string, const Rate*> rates[] = {
        {"connections", &limits.connections},
        {"messages", &limits.messages},
        {"message_bytes", &limits.message_bytes},
        {"joins", &limits.joins},
        {"channel_publishes", &limits.channel_publishes},
        {"key_publishes", &limits.key_publishes}};
    for (const auto& [name, rate] : rates) {
        const std::string key = "limits." + name;
        if (rate->per_second == 0) warn_without_effect(key + ".burst", key + ".per_second");
    }
    if (limits.messages.per_second == 0 && limits.message_bytes.per_second == 0)
        warn_without_effect("limits.excess", "limits.messages or limits.message_bytes");
    return true;
}

bool Config::finish_websocket() {
    const std::vector<WebSocketSettings>& routes = settings_.websocket;
    SitePaths paths(settings_);
    for (size_t i = 0; i < routes.size(); ++i)
        if (const auto before = paths.add(routes[i].path, routes[i].site, i))
            return fail_at(element("websocket", i) + ".path",
                           "is the same path as " + element("websocket", *before) + ".path");
    return true;
}

bool Config::finish_keys() {
    for (size_t i = 0; i < settings_.auth_keys.size(); ++i) {
        AuthKeySettings& one = settings_.auth_keys[i];
        const std::string key = element("auth.keys", i);
        if (one.secret.empty() == one.path.empty())
            return fail_at(key, "needs one of 'secret' and 'path'");
        one.material = one.secret;
        if (one.path.empty()) continue;
        if (!readable(key + ".path", one.path)) return false;
        std::ifstream file(one.path, std::ios::binary);
        one.material = read_key(file);
    }
    return true;
}

bool Config::finish_admin() {
    if (!settings_.admin_key_path.empty()) {
        if (!settings_.admin.key.empty())
            return fail_at("admin.key_file", "excludes admin.key: set one of the two");
        if (!readable("admin.key_file", settings_.admin_key_path)) return false;
        std::ifstream file(settings_.admin_key_path, std::ios::binary);
        settings_.admin.key = read_key(file);
        if (settings_.admin.key.empty()) return fail_at("admin.key_file", "holds no key");
    }
    settings_.admin.listen = settings_.admin_listen;
    settings_.admin.required = names("admin.listen");
    if (settings_.admin_ui_enabled && settings_.admin_ui.password_hash.empty())
        return fail_at("admin.socketio_ui.enabled", "needs admin.socketio_ui.password_hash");
    return true;
}

}  // namespace starling::app
