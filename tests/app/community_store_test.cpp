// The data file of the community: what it keeps, what it refuses, and what survives a restart.
#include "app/demo/community/store.h"

#include "app/demo/community/data_file.h"
#include "app/demo/community/migrations.h"

#include <gtest/gtest.h>

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace starling::app::community {
namespace {

const User emma{"emma@example.com", "Emma"}, ming{"ming@example.com", "小明"};

class CommunityStore : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "starling-store-XXXXXX";
        folder_ = mkdtemp(pattern.data());
        path_ = folder_ + "/demo.sqlite";
        open();
    }
    void TearDown() override {
        store_.reset();
        std::filesystem::remove_all(folder_);
    }
    void open() {
        store_.reset();
        auto opened = Store::open(path_);
        ASSERT_TRUE(opened) << opened.error();
        store_ = *std::move(opened);
    }
    std::string refused() {
        const auto opened = Store::open(path_);
        return opened ? "opened" : opened.error();
    }
    std::string texts(int64_t article, int64_t after) {
        std::string all;
        Answer<CommentPage> page = store_->comments(article, after);
        EXPECT_EQ(page.status, Status::ok);
        for (const Comment& one : page.value.comments)
            all += one.author.name + ":" + one.text + " ";
        return all + (page.value.more ? "..." : "");
    }
    std::string circle(const User& user) {
        Answer<Circle> answer = store_->circle(user.email);
        EXPECT_EQ(answer.status, Status::ok);
        std::string all;
        auto add = [&](const char* name, const std::vector<User>& list) {
            for (const User& one : list) all += std::string(name) + " " + one.name;
        };
        add("friend", answer.value.friends);
        add("incoming", answer.value.incoming);
        add("outgoing", answer.value.outgoing);
        add("other", answer.value.others);
        return all;
    }
    std::string folder_, path_;
    std::unique_ptr<Store> store_;
};

TEST_F(CommunityStore, BeginsWithUsersAndArticles) {
    ASSERT_EQ(store_->users().value.size(), 2u);
    EXPECT_EQ(store_->user(ming.email).value.name, ming.name);
    EXPECT_EQ(store_->user("nobody@example.com").status, Status::not_found);
    EXPECT_EQ(store_->user("' OR 1 = 1 --").status, Status::not_found);
    ASSERT_GE(store_->articles().value.size(), 2u);
    EXPECT_EQ(store_->articles().value[0].id, 256);
    EXPECT_FALSE(store_->article(256).value.body.zh.empty());
    EXPECT_EQ(store_->article(1).status, Status::not_found);
    struct stat status {};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(CommunityStore, CommentsAreKeptAsTheyCame) {
    const std::string texts_[] = {"hello", "<script>alert(1)</script>",
                                  "'); DROP TABLE comments; --", "你好\n第二行 \"q\" \\ ? ?1",
                                  std::string(2000, 'x')};
    int64_t id = 0;
    for (const std::string& text : texts_) {
        Answer<Comment> added = store_->add_comment(256, emma, text, 1700000000);
        ASSERT_EQ(added.status, Status::ok) << text;
        EXPECT_GT(added.value.id, id);
        id = added.value.id;
    }
    open();  // As after a restart.
    Answer<CommentPage> page = store_->comments(256, 0);
    ASSERT_EQ(page.value.comments.size(), std::size(texts_));
    for (size_t i = 0; i < std::size(texts_); ++i)
        EXPECT_EQ(page.value.comments[i].text, texts_[i]);
    EXPECT_EQ(page.value.comments[0].at_s, 1700000000);
    EXPECT_EQ(store_->article(256).value.comments, int64_t(std::size(texts_)));
    EXPECT_EQ(texts(257, 0), "");
}

TEST_F(CommunityStore, RefusesComments) {
    EXPECT_EQ(store_->add_comment(1, emma, "x", 0).status, Status::not_found);
    EXPECT_EQ(store_->add_comment(256, {"eve@example.com", "Eve"}, "x", 0).status,
              Status::not_found);
    EXPECT_EQ(store_->add_comment(256, emma, "", 0).status, Status::failed);
    EXPECT_EQ(store_->add_comment(256, emma, std::string(2001, 'x'), 0).status, Status::failed);
    EXPECT_EQ(store_->comments(1, 0).status, Status::not_found);
    EXPECT_EQ(texts(256, 0), "");
}

TEST_F(CommunityStore, PagesOfComments) {
    int64_t first = 0;
    for (int i = 0; i < 3; ++i) {
        Answer<Comment> added = store_->add_comment(256, ming, std::to_string(i), 0);
        if (i == 0) first = added.value.id;
    }
    EXPECT_EQ(texts(256, 0), "小明:0 小明:1 小明:2 ");
    EXPECT_EQ(texts(256, first), "小明:1 小明:2 ");
    EXPECT_EQ(texts(256, first + 2), "");
    for (int64_t i = 3; i < 1 + comments_page_max + 1; ++i)
        ASSERT_EQ(store_->add_comment(256, ming, "x", 0).status, Status::ok);
    Answer<CommentPage> newest = store_->comments(256, 0), next = store_->comments(256, first);
    EXPECT_EQ(newest.value.comments.size(), size_t(comments_page_max));
    EXPECT_FALSE(newest.value.more);
    EXPECT_EQ(newest.value.comments.back().text, "x");
    EXPECT_EQ(next.value.comments.size(), size_t(comments_page_max));
    EXPECT_EQ(next.value.comments.front().text, "1");
    EXPECT_TRUE(store_->add_comment(256, ming, "last", 0).status == Status::ok);
    EXPECT_TRUE(store_->comments(256, first).value.more);
}

TEST_F(CommunityStore, TheOldestCommentsMakeRoom) {
    ASSERT_EQ(store_->add_comment(257, emma, "elsewhere", 0).status, Status::ok);
    for (int64_t i = 0; i < comments_max + 5; ++i)
        ASSERT_EQ(store_->add_comment(256, emma, std::to_string(i), 0).status, Status::ok);
    EXPECT_EQ(store_->article(256).value.comments, comments_max);
    EXPECT_EQ(store_->comments(256, 1).value.comments.front().text, "5");
    EXPECT_EQ(texts(257, 0), "Emma:elsewhere ");
}

TEST_F(CommunityStore, Friends) {
    EXPECT_EQ(circle(emma), "other 小明");
    EXPECT_EQ(store_->accept(emma.email, ming.email, 1), Status::not_found);
    EXPECT_EQ(store_->ask(emma.email, emma.email, 1).status, Status::not_found);
    EXPECT_EQ(store_->ask(emma.email, "eve@example.com", 1).status, Status::not_found);
    EXPECT_EQ(store_->ask(emma.email, ming.email, 1).status, Status::ok);
    EXPECT_EQ(store_->ask(emma.email, ming.email, 1).status, Status::conflict);
    EXPECT_EQ(circle(emma), "outgoing 小明");
    EXPECT_EQ(circle(ming), "incoming Emma");
    // A user cannot accept his own request.
    EXPECT_EQ(store_->accept(emma.email, ming.email, 1), Status::not_found);
    EXPECT_EQ(store_->accept(ming.email, emma.email, 1), Status::ok);
    EXPECT_EQ(store_->accept(ming.email, emma.email, 1), Status::not_found);
    open();
    EXPECT_EQ(circle(emma), "friend 小明");
    EXPECT_EQ(circle(ming), "friend Emma");
    EXPECT_EQ(store_->ask(ming.email, emma.email, 1).status, Status::conflict);
    EXPECT_EQ(store_->part(ming.email, emma.email), Status::ok);
    EXPECT_EQ(store_->part(ming.email, emma.email), Status::not_found);
    EXPECT_EQ(circle(ming), "other Emma");
}

TEST_F(CommunityStore, AskingBackIsAccepting) {
    EXPECT_FALSE(store_->ask(ming.email, emma.email, 1).value.accepted);
    Answer<Store::Asked> back = store_->ask(emma.email, ming.email, 2);
    EXPECT_EQ(back.status, Status::ok);
    EXPECT_TRUE(back.value.accepted);
    EXPECT_EQ(circle(emma), "friend 小明");
}

TEST_F(CommunityStore, TheSecretStays) {
    std::string secret = store_->secret();
    EXPECT_GE(secret.size(), secret_bytes_min);
    open();
    EXPECT_EQ(store_->secret(), secret);
    const auto other = Store::open(":memory:");
    ASSERT_TRUE(other) << other.error();
    EXPECT_NE((*other)->secret(), secret);
}

TEST_F(CommunityStore, TwoProcessesShareAFile) {
    const auto other = Store::open(path_);
    ASSERT_TRUE(other) << other.error();
    ASSERT_EQ((*other)->add_comment(256, ming, "from there", 0).status, Status::ok);
    EXPECT_EQ(texts(256, 0), "小明:from there ");
}

TEST_F(CommunityStore, ManyThreadsWrite) {
    constexpr int threads = 4, each = 25;
    std::vector<std::thread> writers;
    for (int i = 0; i < threads; ++i) {
        writers.emplace_back([&, i] {
            for (int j = 0; j < each; ++j) {
                EXPECT_EQ(store_->add_comment(256, i % 2 ? emma : ming, "x", j).status, Status::ok);
                EXPECT_EQ(store_->comments(256, 0).status, Status::ok);
            }
        });
    }
    for (std::thread& writer : writers) writer.join();
    EXPECT_EQ(store_->article(256).value.comments, threads * each);
}

TEST_F(CommunityStore, AFileThatIsLockedFailsAndRecovers) {
    Database other;
    ASSERT_TRUE(other.open(path_));
    {
        Transaction writing(other);
        ASSERT_TRUE(writing.began());
        EXPECT_EQ(store_->add_comment(256, emma, "x", 0).status, Status::failed);
        EXPECT_EQ(store_->part(emma.email, ming.email), Status::failed);
        EXPECT_EQ(store_->comments(256, 0).status, Status::ok);  // Reading still works.
    }
    EXPECT_EQ(store_->add_comment(256, emma, "x", 0).status, Status::ok);
}

TEST_F(CommunityStore, RefusesOtherFiles) {
    store_.reset();
    {
        Database database;
        ASSERT_TRUE(database.open(path_));
        ASSERT_TRUE(database.run("PRAGMA user_version = 99"));
    }
    EXPECT_EQ(refused(), "was written by a newer version of this program");

    path_ = folder_ + "/other.sqlite";
    {
        Database database;
        ASSERT_TRUE(database.open(path_));
        ASSERT_TRUE(database.script("CREATE TABLE mine (x)"));
    }
    EXPECT_EQ(refused(), "belongs to another program");
    EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));

    path_ = folder_ + "/notes.txt";
    std::ofstream(path_) << std::string(2000, 'n');
    EXPECT_EQ(refused(), "file is not a database");

    path_ = folder_ + "/nowhere/demo.sqlite";
    EXPECT_EQ(refused(), "No such file or directory");
    path_ = folder_;
    EXPECT_EQ(refused(), "Is a directory");
}

TEST_F(CommunityStore, WhereTheFileLies) {
    const std::string service = folder_ + "/service", state = folder_ + "/state",
                      home = folder_ + "/home";
    std::filesystem::create_directories(service);
    struct Case {
        const char* name;
        Environment environment;
        std::string path;
    } cases[] = {
        {"nothing is set", {}, in_memory},
        {"a service",
         {{"STATE_DIRECTORY", service}, {"XDG_STATE_HOME", state}},
         service + "/demo.sqlite"},
        {"XDG", {{"XDG_STATE_HOME", state}, {"HOME", home}}, state + "/starling/demo.sqlite"},
        {"XDG, not absolute",
         {{"XDG_STATE_HOME", "state"}, {"HOME", home}},
         home + "/.local/state/starling/demo.sqlite"},
        {"HOME", {{"HOME", home}}, home + "/.local/state/starling/demo.sqlite"},
        {"HOME cannot be made", {{"HOME", "/proc/nowhere"}}, in_memory},
        {"a file in the way", {{"XDG_STATE_HOME", path_}}, in_memory},
    };
    for (const Case& c : cases) EXPECT_EQ(default_data_file(c.environment), c.path) << c.name;
    EXPECT_TRUE(std::filesystem::is_directory(state + "/starling"));
    EXPECT_EQ(resolve_data_file("a/:memory:"), in_memory);
    EXPECT_EQ(resolve_data_file(":memory:"), in_memory);
    EXPECT_EQ(resolve_data_file("a/memory"), "a/memory");
}

}  // namespace
}  // namespace starling::app::community
