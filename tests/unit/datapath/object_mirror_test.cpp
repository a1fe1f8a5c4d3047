#include "datapath/control/object_mirror.h"

#include <gtest/gtest.h>

#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

class ObjectMirrorTest : public ::testing::Test {
 protected:
  ObjectMirrorTest() {
    for (const char* name : {"dns", "web"}) {
      put(service(name, "10.96.0.10"));
      put(slice(name, 8080, {endpoint("10.0.0.1", "node-a")}));
    }
    mirror_.adopt(cluster_);
  }

  void put(const Service& service) { cluster_.services[service.key] = service; }
  void put(const EndpointSlice& slice) { cluster_.endpoint_slices[slice.key] = slice; }
  // "dns web "
  std::string changed() {
    std::string names;
    for (const ObjectKey& key : mirror_.adopt(cluster_)) names += key.name + " ";
    return names;
  }
  size_t slices_of(const std::string& service) const {
    return mirror_.slices_of({"default", service}).size();
  }

  Cluster cluster_;
  ObjectMirror mirror_;
};

TEST_F(ObjectMirrorTest, NothingDiffersFromItself) {
  EXPECT_EQ(changed(), "");
}

TEST_F(ObjectMirrorTest, AServiceThatChangesIsTold) {
  cluster_.services.at({"default", "web"}).ports[0].port = 81;
  EXPECT_EQ(changed(), "web ");
  EXPECT_EQ(mirror_.service({"default", "web"})->ports[0].port, 81);
}

TEST_F(ObjectMirrorTest, AServiceThatComesOrGoesIsTold) {
  cluster_.services.erase({"default", "dns"});
  put(service("zoo", "10.96.0.11"));
  EXPECT_EQ(changed(), "dns zoo ");
  EXPECT_EQ(mirror_.service({"default", "dns"}), nullptr);
}

TEST_F(ObjectMirrorTest, SlicesTellTheirService) {
  put(slice("web", 8081, {endpoint("10.0.0.1", "node-a")}));
  EXPECT_EQ(changed(), "web ");
  cluster_.endpoint_slices.erase({"default", "dns-abc"});
  EXPECT_EQ(changed(), "dns ");
  EXPECT_EQ(slices_of("dns"), 0u);
}

TEST_F(ObjectMirrorTest, ASliceThatChangesHandsIsToldToBoth) {
  cluster_.endpoint_slices.at({"default", "dns-abc"}).labels = {
      {"kubernetes.io/service-name", "web"}};
  EXPECT_EQ(changed(), "dns web ");
  EXPECT_EQ(slices_of("dns"), 0u);
  EXPECT_EQ(slices_of("web"), 2u);
}

}  // namespace
}  // namespace kubeproof::control
