#include "app/serve/privileges.h"

#include "base/descriptor.h"
#include "base/user_ids.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace starling::app {
namespace {

[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error(what); }

}  // namespace

base::Result<Identity, SiteFault> identity_of(const Settings& settings) {
    const auto fault = [](const char* key, const std::string& what) {
        return base::Failure(SiteFault{key, what});
    };
    Identity identity{::geteuid(), ::getegid()};
    if (!settings.user.empty()) {
        const auto user = base::find_user(settings.user);
        if (!user) return fault("user", "there is no user '" + settings.user + "'");
        identity.user = *user;
        const auto group = base::group_of_user(*user);
        if (!group && settings.group.empty())
            return fault("user", "the user " + settings.user + " has no group: set 'group'");
        if (group) identity.group = *group;
    }
    if (!settings.group.empty()) {
        const auto group = base::find_group(settings.group);
        if (!group) return fault("group", "there is no group '" + settings.group + "'");
        identity.group = *group;
    }
    return identity;
}

void become(const Identity& identity) {
    const bool same = identity.user == ::geteuid() && identity.group == ::getegid();
    if (same && ::getuid() == identity.user && ::getgid() == identity.group) return;
    if (::geteuid() != 0) refuse("keys 'user' and 'group': only root may become another");
    const std::string name = base::name_of_user(identity.user);
    const int groups =
        name.empty() ? ::setgroups(1, &identity.group) : ::initgroups(name.c_str(), identity.group);
    if (groups != 0)
        refuse(std::string("key 'group': cannot set the groups: ") + std::strerror(errno));
    if (::setresgid(identity.group, identity.group, identity.group) != 0)
        refuse(std::string("key 'group': ") + std::strerror(errno));
    if (::setresuid(identity.user, identity.user, identity.user) != 0)
        refuse(std::string("key 'user': ") + std::strerror(errno));
    if (identity.user != 0 && (::setuid(0) == 0 || ::seteuid(0) == 0))
        refuse("key 'user': the process could become root again");
}

std::vector<std::string> unreadable_later(const Settings& settings,
                                          const std::string& config_file) {
    std::vector<std::string> files;
    if (!config_file.empty()) files.push_back(config_file);
    for (const Certificate& one : settings.server.certificates) {
        files.push_back(one.certificate_chain_path);
        files.push_back(one.private_key_path);
    }
    for (const SiteSettings& site : settings.sites) {
        if (site.cert.empty()) continue;
        files.push_back(site.cert);
        files.push_back(site.key);
    }
    for (const gateway::Route& route : settings.gateway.routes)
        if (settings.gateway_enabled && !route.ca_path.empty()) files.push_back(route.ca_path);
    for (const AuthKeySettings& key : settings.auth_keys)
        if (!key.path.empty()) files.push_back(key.path);
    if (!settings.admin_key_path.empty()) files.push_back(settings.admin_key_path);
    std::vector<std::string> unreadable;
    for (const std::string& file : files)
        if (::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) != 0) unreadable.push_back(file);
    for (const std::string& file : {settings.log.path, settings.access_log_path})
        if (!file.empty() && ::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) != 0)
            unreadable.push_back(file);
    return unreadable;
}

std::vector<std::string> unreadable_folders(const Settings& settings) {
    std::vector<std::string> folders{settings.root, settings.redirect.acme_root};
    for (const FilesSettings& one : settings.files) folders.push_back(one.root);
    for (const SiteSettings& site : settings.sites) folders.push_back(site.root);
    std::erase_if(folders, [](const std::string& folder) {
        return folder.empty() ||
               ::faccessat(AT_FDCWD, folder.c_str(), R_OK | X_OK, AT_EACCESS) == 0;
    });
    return folders;
}

void make_logs(const Settings& settings, const Identity& identity) noexcept {
    if (settings.user.empty() && settings.group.empty()) return;
    for (const std::string* const file : {&settings.log.path, &settings.access_log_path}) {
        if (file->empty()) continue;
        constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        const base::Descriptor made(::open(file->c_str(), flags, 0640));
        if (made) (void)!::fchown(made.get(), identity.user, identity.group);
    }
}

void drop_rights(const Settings& settings, const std::string& config_file, const Identity& identity,
                 log::Sink& log) {
    if (settings.user.empty() && settings.group.empty()) return;
    become(identity);
    const auto warn = [&log](std::string_view what, std::string_view name,
                             const std::string& path) {
        const std::array fields{log::Field{name, path}};
        log.write(log::Level::warn, what, fields);
    };
    for (const std::string& file : unreadable_later(settings, config_file))
        warn("a reload will not be able to use a file", "file", file);
    for (const std::string& folder : unreadable_folders(settings))
        warn("files of a folder cannot be served: its user cannot read it", "folder", folder);
}

}  // namespace starling::app
