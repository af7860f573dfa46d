# Finds every third party once; each becomes a SYSTEM imported target `third_party::<name>`.
# All of them are Debian 12 packages (the install list is in packages.txt beside this file).

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

function(ming_third_party name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${ARGN})
  add_library(third_party::${name} ALIAS PkgConfig::${name})
endfunction()

ming_third_party(glib glib-2.0)
ming_third_party(nice nice)
ming_third_party(gnutls gnutls)
ming_third_party(usrsctp usrsctp)
ming_third_party(websockets libwebsockets)
ming_third_party(glog libglog)
ming_third_party(gflags gflags)
ming_third_party(yaml yaml-cpp)

# What libwebsockets does TLS with; its package brings it.
find_package(OpenSSL 3 REQUIRED)
add_library(third_party::openssl ALIAS OpenSSL::SSL)

# The allocator of the program. Whoever packages ming without it loses speed only.
if(MING_TCMALLOC)
  pkg_check_modules(tcmalloc IMPORTED_TARGET GLOBAL libtcmalloc_minimal)
  if(tcmalloc_FOUND)
    # Nothing names a symbol of it, so a linker that drops what is not needed would drop it.
    add_library(ming_allocator INTERFACE)
    target_link_libraries(ming_allocator INTERFACE
      "-Wl,--push-state,--no-as-needed" PkgConfig::tcmalloc "-Wl,--pop-state")
    add_library(third_party::allocator ALIAS ming_allocator)
  else()
    message(STATUS "tcmalloc (libgoogle-perftools-dev) is not installed: ming uses the C library's allocator")
  endif()
endif()

find_package(nlohmann_json REQUIRED)
add_library(third_party::json ALIAS nlohmann_json::nlohmann_json)

if(MING_TESTS)
  find_package(GTest REQUIRED)
endif()
if(MING_BENCH)
  find_package(benchmark REQUIRED)
endif()
