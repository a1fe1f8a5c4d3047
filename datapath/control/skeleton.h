// The generated skeleton, which names types of the programs without their namespace.
#pragma once

#include "datapath/bpf/config_abi.h"

using kubeproof::abi::settings;

#include "datapath.skel.h"
