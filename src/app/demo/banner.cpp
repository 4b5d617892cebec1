#include "app/demo/banner.h"

#include "app/demo/figures.h"

#include <algorithm>
#include <initializer_list>

namespace starling::app {
namespace {

struct Page {
    const char *path, *shows;
};

constexpr Page pages[] = {
    {"/", "figures of this server, and code to copy"},
    {"/echo", "the WebSocket API"},
    {"/chat", "a chat room over WebSocket"},
    {"/socketio/", "a chat over Socket.IO"},
    {"/community/", "articles and comments on server events"},
    {"/ws/ServerEvent?Ref=ApiIndex", "listens to a channel"},
};
constexpr Page docs = {"/docs/", "the documentation"};
constexpr Page console = {"/gateway", "the console of the gateway"};

std::string local(std::string_view url) {
    std::string text(url);
    for (const std::string_view all : {"://0.0.0.0:", "://[::]:"}) {
        const size_t at = text.find(all);
        if (at != std::string::npos) text.replace(at, all.size(), "://localhost:");
    }
    return text;
}

}  // namespace

std::string banner(const BannerFacts& facts) {
    if (!facts.url.starts_with("http")) return {};
    const std::string url = local(facts.url);
    size_t width = 0;
    for (const Page& page : pages)
        width = std::max(width, url.size() + std::string_view(page.path).size());
    std::string text = "pages:\n";
    const auto add = [&](const Page& page) {
        std::string line = "  " + url + page.path;
        line.append(width + 4 - line.size(), ' ');
        text += line + page.shows + '\n';
    };
    for (const Page& page : pages) add(page);
    if (facts.docs) add(docs);
    if (facts.gateway_console) add(console);
    if (facts.publish_key.empty()) return text + "try: curl " + url + figures_path + '\n';
    text += "try: curl -H 'X-Api-Key: " + std::string(facts.publish_key) +
            R"(' -d '{"channel":"ApiIndex","event":"hello"}' )" + url + "/api/publish\n";
    return text + "     it arrives at the page that listens to ApiIndex\n";
}

}  // namespace starling::app
