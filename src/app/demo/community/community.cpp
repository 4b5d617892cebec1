#include "app/demo/community/community.h"

#include <chrono>
#include <utility>

namespace starling::app::community {
namespace {

constexpr const char* key_id = "starling-demo";

Clock real_clock() {
    using std::chrono::duration_cast, std::chrono::steady_clock, std::chrono::system_clock;
    return {[] {
                auto now = system_clock::now().time_since_epoch();
                return static_cast<int64_t>(duration_cast<std::chrono::seconds>(now).count());
            },
            [] {
                auto now = steady_clock::now().time_since_epoch();
                return static_cast<int64_t>(duration_cast<std::chrono::milliseconds>(now).count());
            }};
}

}  // namespace

Community::Community(std::unique_ptr<Store> store) : store_(std::move(store)) {}
Community::~Community() = default;

base::Result<std::unique_ptr<Community>> Community::open(const std::string& path) {
    auto store = Store::open(path);
    if (!store) return base::Failure(store.error());
    return std::unique_ptr<Community>(new Community(*std::move(store)));
}

void Community::join(auth::Options& options) {
    if (options.cookie.empty()) options.cookie = "auth_token";
    if (options.user_claim.empty()) options.user_claim = "email";
    options.keys.push_back({key_id, auth::Algorithm::hs256, store_->secret()});
    options_ = options;
}

void Community::mount(Server& server, events::Channels& channels) {
    authenticator_ = std::make_unique<auth::Authenticator>(options_);
    Login login{[this](const http::Request& request, int64_t now_s) {
                    return authenticator_->identify(request, now_s).identity;
                },
                options_.cookie,
                options_.user_claim,
                options_.issuer,
                options_.audience,
                key_id,
                store_->secret()};
    api_ = std::make_unique<Api>(*store_, channels, std::move(login), real_clock());
    api_->mount(server);
}

}  // namespace starling::app::community
