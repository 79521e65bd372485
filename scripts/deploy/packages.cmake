# What is installed beside the tools, and the Debian packages that cpack makes of all of it:
#
#   smtools            tools, man pages, completions, units, user and groups, recipes
#   smtools-portal     smportal, its units, the web server's configuration
#   smtools-sendmail   the names sendmail, mailq and newaliases; conflicts with every other mail
#                      transport agent, as Debian's do
#
# cmake --install (scripts/install) installs the first two; a second sendmail is nobody's default.

set(deploy ${PROJECT_SOURCE_DIR}/scripts/deploy)

# Installs files, each with the component that its name chooses.
function(sm_install_files destination)
  foreach(file ${ARGN})
    get_filename_component(name ${file} NAME)
    sm_component(${name} component)
    install(FILES ${file} DESTINATION ${destination} COMPONENT ${component})
  endforeach()
endfunction()

file(GLOB units CONFIGURE_DEPENDS ${deploy}/systemd/*)
sm_install_files(lib/systemd/system ${units})
install(FILES ${deploy}/sysusers/smtools.conf DESTINATION lib/sysusers.d COMPONENT tools)
install(FILES ${deploy}/tmpfiles/smtools.conf DESTINATION lib/tmpfiles.d COMPONENT tools)
# Debian's place for it is outside of the prefix: prepare.cmake moves it there.
install(FILES ${deploy}/sudoers/smtools DESTINATION share/smtools/sudoers.d
  PERMISSIONS OWNER_READ GROUP_READ COMPONENT tools EXCLUDE_FROM_ALL)
foreach(recipe cron dovecot exim maildrop postfix procmail)
  if(EXISTS ${deploy}/${recipe}/README)
    install(DIRECTORY ${deploy}/${recipe} DESTINATION share/doc/smtools COMPONENT tools)
  endif()
endforeach()
if(EXISTS ${deploy}/nginx)
  install(DIRECTORY ${deploy}/nginx DESTINATION share/doc/smtools-portal COMPONENT portal)
endif()

# sendmail and its two other names, by symbolic links that work in any tree.
foreach(link sbin/sendmail=../bin/smsend lib/sendmail=../sbin/sendmail bin/mailq=smsend
        bin/newaliases=smsend share/man/man8/sendmail.8=../man1/smsend.1
        share/man/man1/mailq.1=smsend.1 share/man/man1/newaliases.1=smsend.1)
  string(REGEX REPLACE "=.*" "" name ${link})
  string(REGEX REPLACE ".*=" "" target ${link})
  install(CODE "
    set(link \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${name}\")
    get_filename_component(folder \"\${link}\" DIRECTORY)
    file(MAKE_DIRECTORY \"\${folder}\")
    file(CREATE_LINK \"${target}\" \"\${link}\" SYMBOLIC)"
    COMPONENT sendmail EXCLUDE_FROM_ALL)
endforeach()

foreach(package smtools smtools-portal smtools-sendmail)
  string(REGEX REPLACE "^smtools-?" "" component ${package})
  if(NOT component)
    set(component tools)
  endif()
  install(FILES ${deploy}/debian/copyright ${deploy}/debian/changelog
    DESTINATION share/doc/${package} COMPONENT ${component} EXCLUDE_FROM_ALL)
  if(EXISTS ${deploy}/debian/${package}.lintian-overrides)
    install(FILES ${deploy}/debian/${package}.lintian-overrides
      DESTINATION share/lintian/overrides RENAME ${package} COMPONENT ${component} EXCLUDE_FROM_ALL)
  endif()
endforeach()

# cpack packs what scripts/build has built, and builds nothing itself: the tests, for one, are in no
# package.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME smtools)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "smtools maintainers <maintainers@smtools.example>" CACHE STRING
    "whom the packages name as their maintainer")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL tools sendmail)
if(TARGET smportal)
  list(APPEND CPACK_COMPONENTS_ALL portal)
endif()
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${deploy}/debian/prepare.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(version ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME smtools)
set(CPACK_DEBIAN_TOOLS_DESCRIPTION "A message is delivered only over a verified encrypted connection: DANE,
MTA-STS or a certificate of a trusted root. Where that cannot be had, it is
sealed and waits in a portal, or it is refused, and the reason is told.
Every step leaves evidence that an auditor verifies offline.

The tools read standard input, write standard output and mean something by
their exit status: for scripts, cron, procmail, and as a transport of mail
servers.")
# These libraries and libipsec-mb are opened when they are first needed.
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS
    "libcurl4, libidn2-0, libargon2-1, libsimdjson14, ca-certificates, dns-root-data, systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_TOOLS_PACKAGE_RECOMMENDS "systemd-timesyncd | time-daemon, unbound")
set(CPACK_DEBIAN_TOOLS_PACKAGE_SUGGESTS
    "smtools-portal, smtools-sendmail, sudo, libipsec-mb1, libengine-pkcs11-openssl")
set(CPACK_DEBIAN_TOOLS_PACKAGE_CONTROL_EXTRA
    ${deploy}/debian/smtools/postinst ${deploy}/debian/smtools/prerm ${deploy}/debian/smtools/postrm
    ${deploy}/debian/smtools/conffiles)

set(CPACK_DEBIAN_PORTAL_PACKAGE_NAME smtools-portal)
set(CPACK_DEBIAN_PORTAL_DESCRIPTION "This package has the portal for sealed mail. Where a message has no safe way
to its recipient, it waits here: the recipient opens the link that was mailed,
proves who they are, reads it in a browser and can answer. The pages work
without scripts.")
set(CPACK_DEBIAN_PORTAL_PACKAGE_DEPENDS "smtools (= ${version})")
set(CPACK_DEBIAN_PORTAL_PACKAGE_RECOMMENDS "nginx-light | httpd")
set(CPACK_DEBIAN_PORTAL_PACKAGE_SECTION web)
set(CPACK_DEBIAN_PORTAL_PACKAGE_CONTROL_EXTRA
    ${deploy}/debian/smtools-portal/postinst ${deploy}/debian/smtools-portal/prerm
    ${deploy}/debian/smtools-portal/postrm)

set(CPACK_DEBIAN_SENDMAIL_PACKAGE_NAME smtools-sendmail)
set(CPACK_DEBIAN_SENDMAIL_DESCRIPTION "This package gives smsend the names sendmail, mailq and newaliases, so that
cron and every other program of the machine that sends mail sends it by
smtools.")
set(CPACK_DEBIAN_SENDMAIL_PACKAGE_DEPENDS "smtools (= ${version})")
set(CPACK_DEBIAN_SENDMAIL_PACKAGE_PROVIDES mail-transport-agent)
set(CPACK_DEBIAN_SENDMAIL_PACKAGE_CONFLICTS mail-transport-agent)
set(CPACK_DEBIAN_SENDMAIL_PACKAGE_REPLACES mail-transport-agent)
set(CPACK_DEBIAN_SENDMAIL_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_SENDMAIL_PACKAGE_SHLIBDEPS OFF)
include(CPack)
