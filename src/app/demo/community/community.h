// app/demo/community/community.h: the demo community: a small site that uses server events for real.
//
//     auto community = Community::open(path, error);
//     community->join(options.auth);                 // Its logins are believed,
//     auto& channels = server.events(options);       // by the channels too.
//     community->mount(server, channels);
//
// Owner: the program; it outlives the Server. Thread: main's, before the server runs.
#pragma once

#include "app/demo/community/api.h"
#include "app/demo/community/store.h"

#include <memory>
#include <string>

namespace starling::app::community {

class Community {
public:
    // Opens or makes the data file. Null: `error` says why.
    [[nodiscard]] static std::unique_ptr<Community> open(const std::string& path,
                                                         std::string& error);
    ~Community();

    // Adds the key that signs its logins, and makes sure that there is a cookie to carry them.
    void join(auth::Options& options);
    // After join(). The channels ArticleMessage<number> and SystemMessage<email> must be declared.
    // Throws std::invalid_argument where the options that were joined do not hold together.
    void mount(Server& server, events::Channels& channels);

private:
    explicit Community(std::unique_ptr<Store> store);

    std::unique_ptr<Store> store_;
    auth::Options options_;
    std::unique_ptr<auth::Authenticator> authenticator_;
    std::unique_ptr<Api> api_;
};

}  // namespace starling::app::community
