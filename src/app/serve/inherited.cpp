#include "app/serve/inherited.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string>
#include <string_view>

namespace starling::app {
namespace {

constexpr int sockets_max = 4096;

// Takes the variable out of the environment; "": it is absent.
std::string take_text(Environment& environment, std::string_view name) {
    const auto found = std::ranges::find(environment, name, &Environment::value_type::first);
    if (found == environment.end()) return {};
    std::string text = std::move(found->second);
    environment.erase(found);
    return text;
}

// -1: it is absent or no number.
int take(Environment& environment, std::string_view name) {
    const std::string text = take_text(environment, name);
    int value = -1;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() && read.ptr == text.data() + text.size() ? value : -1;
}

// The part of "a:b:c" at the index; "": there is none.
std::string part(std::string_view names, int index) {
    for (; index > 0; --index) {
        const size_t colon = names.find(':');
        if (colon == std::string_view::npos) return {};
        names.remove_prefix(colon + 1);
    }
    return std::string(names.substr(0, names.find(':')));
}

// As configuration writes it; "": it is no address that it can write.
std::string address_of(int socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    auto* const any = reinterpret_cast<sockaddr*>(&storage);
    if (::getsockname(socket, any, &size) != 0) return {};
    char text[INET6_ADDRSTRLEN] = "";
    if (storage.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
        if (!::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text)) return {};
        return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
    }
    if (storage.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
        if (!::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text)) return {};
        return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
    }
    const auto& file = reinterpret_cast<const sockaddr_un&>(storage);
    if (storage.ss_family != AF_UNIX || !file.sun_path[0]) return {};
    return "unix:" + std::string(file.sun_path);
}

bool chooses(std::string_view name) {
    return std::ranges::find(listener_names, name) != std::end(listener_names);
}

// Children do not get it.
base::Descriptor own(int descriptor) {
    if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) return {};
    return base::Descriptor(descriptor);
}

}  // namespace

Inherited::Inherited(Environment& environment) {
    const int for_pid = take(environment, "LISTEN_PID"),
              from_systemd = take(environment, "LISTEN_FDS");
    const std::string names_of_systemd = take_text(environment, "LISTEN_FDNAMES"),
                      names_of_predecessor = take_text(environment, names_variable);
    const int from_predecessor = take(environment, sockets_variable);
    const int parent = take(environment, parent_variable),
              ready = take(environment, ready_variable);
    const int files = take(environment, files_variable);
    const bool takes_over = parent == ::getppid() && ready >= first_inherited;
    const int count = takes_over ? from_predecessor : for_pid == ::getpid() ? from_systemd : 0;
    const std::string& names = takes_over ? names_of_predecessor : names_of_systemd;
    for (int i = 0; i < std::min(count, sockets_max); ++i) {
        base::Descriptor socket = own(first_inherited + i);
        if (!socket) continue;
        std::string name = part(names, i);
        if (chooses(name)) named_.emplace_back(address_of(socket.get()), name);
        sockets_.push_back({std::move(socket), std::move(name)});
    }
    if (takes_over) ready_ = own(ready);
    files_stay_ = takes_over ? files == 1 : count > 0;
}

std::vector<int> Inherited::sockets(std::string_view listener) const {
    std::vector<int> all;
    for (const Socket& socket : sockets_)
        if (socket.name == listener || !chooses(socket.name))
            all.push_back(socket.descriptor.get());
    return all;
}

std::vector<std::string> Inherited::addresses(std::string_view name) const {
    std::vector<std::string> all;
    for (const auto& [address, its] : named_)
        if (its == name && !address.empty() && std::ranges::find(all, address) == all.end())
            all.push_back(address);
    return all;
}

std::string Inherited::name_of(int socket) const {
    const std::string address = address_of(socket);
    const auto found = std::ranges::find(named_, address, &decltype(named_)::value_type::first);
    return found == named_.end() ? std::string() : found->second;
}

void Inherited::accepting() {
    sockets_.clear();
    if (!ready_) return;
    (void)!::write(ready_.get(), "r", 1);
    ready_.reset();
}

std::string use_names(Settings& settings, const Inherited& inherited) {
    const std::vector<std::string> admin = inherited.addresses("admin");
    if (!admin.empty()) settings.admin.listen.clear();
    for (const std::string& address : admin) settings.admin.listen.push_back({address});
    settings.admin.inherited = inherited.sockets("admin");
    settings.admin.inherited_files_stay = inherited.files_stay();
    std::vector<std::string> redirect = inherited.addresses("redirect");
    if (!redirect.empty()) settings.redirect.listen = std::move(redirect);
    if (admin.empty() || settings.admin_enabled) return {};
    return "starling: the socket with the name admin is not used: admin.enabled is false";
}

}  // namespace starling::app
