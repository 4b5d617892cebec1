#include "app/demo/community/content.h"

namespace starling::app::community {
namespace {

constexpr FirstUser users[] = {
    {"emma@example.com", "Emma"},
    {"ming@example.com", "小明"},
};

constexpr FirstArticle articles[] = {
    {256, "A notice is not the news", "通知不是内容",
     "A server event says that something is new, and nothing else: GotNew. Whoever gets it fetches "
     "what is new by HTTP, where caches, limits and logins already are.\n\n"
     "This page listens on the channel of this article. Open it in a second window, log in as "
     "somebody else, and write a comment: it appears here at once, without a reload.",
     "服务器事件只说一件事：有新内容了（GotNew）。收到它的人再用 HTTP 去取，"
     "缓存、限制和登录在那里都已具备。\n\n"
     "本页正在侦听这篇文章的频道。再开一个窗口，用另一个用户登录，写一条评论：这里会立刻出现，无需"
     "刷新。"},
    {257, "How starlings agree", "椋鸟如何一致行动",
     "Each bird in a flock watches about seven neighbours, however near or far they are. That is "
     "enough for a turn to cross thousands of birds in less than a second: nobody leads, nobody "
     "hears everything, and the news still reaches everyone.",
     "鸟群中的每只鸟只留意身边大约七只同伴，无论它们是远是近。这就足以让一次转向在不到一秒内传遍"
     "成千上万只鸟：没有谁带头，没有谁听到一切，消息却人人都能得到。"},
    {258, "A quarter of a second", "四分之一秒",
     "A client gets at most one event of a channel in 250 ms. Nobody reads faster than that, and a "
     "burst of a thousand comments costs the server no more than four events a second.\n\n"
     "An event inside that window may be lost, so this page fetches once more when the window has "
     "passed.",
     "同一频道，每个客户端 250 毫秒内最多收到一次事件。谁也读不了更快，而一千条评论同时涌来，"
     "服务器每秒也只需推送四次。\n\n窗口内的事件可能丢失，所以本页在窗口过后会再取一次。"},
};

}  // namespace

std::span<const FirstUser> first_users() noexcept { return users; }
std::span<const FirstArticle> first_articles() noexcept { return articles; }

}  // namespace starling::app::community
