#include "http/date.h"

#include <gtest/gtest.h>

namespace ai_proxy::http {
namespace {

TEST(HttpDate, ReadsTheFormThatServersSend) {
  const auto date = parse_date("Sun, 06 Nov 1994 08:49:37 GMT");
  ASSERT_TRUE(date);
  EXPECT_EQ(date->time_since_epoch().count(), 784111777);
  EXPECT_TRUE(parse_date("Thu, 29 Feb 2024 23:59:60 GMT"));
}

TEST(HttpDate, RefusesWhatIsNoSuchDate) {
  for (const char* text :
       {"", "120", "1.5", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 2024 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

}  // namespace
}  // namespace ai_proxy::http
