// app/demo/community/community.h: the demo community, a small site that uses server events.
//
//     auto community = Community::open(path);      // A Result.
//     (*community)->join(auth);                    // Accepts the community's logins, also on the channels.
//     (*community)->mount(server, channels);
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
    // Opens the data file, or makes it if it is missing. A success is never null. A file of another
    // program or of a newer version is an error, and stays as it is.
    [[nodiscard]] static base::Result<std::unique_ptr<Community>> open(const std::string& path);
    ~Community();

    // Adds the key that signs the community's logins, and sets a cookie's name if the options have
    // none.
    void join(auth::Options& options);
    // Call after join(). The channels ArticleMessage<number> and SystemMessage<email> must be
    // declared. Throws std::invalid_argument for inconsistent auth options.
    void mount(Server& server, events::Channels& channels);

private:
    explicit Community(std::unique_ptr<Store> store);

    std::unique_ptr<Store> store_;
    auth::Options options_;
    std::unique_ptr<auth::Authenticator> authenticator_;
    std::unique_ptr<Api> api_;
};

}  // namespace starling::app::community
