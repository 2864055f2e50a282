// A Vulkan driver between a program and lavapipe, which can report another vendor or hide the subgroup operations:
// ONNX Runtime chooses its shaders by these.
//
// SHIM_ICD        the driver's library
// SHIM_VENDOR     PCI id of the vendor to report, such as 0x10de
// SHIM_SUBGROUPS  "hidden"
//
// Structures are those of vulkan_core.h, by offset: VkPhysicalDeviceProperties2 { sType; pNext; properties at 16 },
// VkPhysicalDeviceProperties { apiVersion, driverVersion, vendorID at 8, … }.
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void (*Function)(void);

enum {
  SUBGROUP_PROPERTIES = 1000094000,  // { subgroupSize at 16, supportedStages, supportedOperations }
  VULKAN_11_PROPERTIES = 50,         // the same after deviceUUID, driverUUID, deviceLUID, mask and validity
};

static void *driver;
static Function (*of_instance)(void *, const char *);
static Function (*of_device)(void *, const char *);
static void (*properties1)(void *, char *);
static void (*properties2)(void *, char *);

static void load(void) {
  if (driver) return;
  const char *path = getenv("SHIM_ICD");
  driver = dlopen(path ? path : "libvulkan_lvp.so", RTLD_NOW);
  if (!driver) return;
  *(void **)&of_instance = dlsym(driver, "vk_icdGetInstanceProcAddr");
  *(void **)&of_device = dlsym(driver, "vk_icdGetPhysicalDeviceProcAddr");
}

static void set(char *at, uint32_t value) { memcpy(at, &value, sizeof value); }

static void report(char *properties) {
  const char *vendor = getenv("SHIM_VENDOR");
  if (vendor) set(properties + 8, (uint32_t)strtoul(vendor, NULL, 0));
}

static void first(void *device, char *out) {
  properties1(device, out);
  report(out);
}

static void second(void *device, char *out) {
  properties2(device, out);
  report(out + 16);
  const char *subgroups = getenv("SHIM_SUBGROUPS");
  if (!subgroups || strcmp(subgroups, "hidden") != 0) return;
  for (char *next = *(char **)(out + 8); next; next = *(char **)(next + 8)) {
    uint32_t type;
    memcpy(&type, next, sizeof type);
    char *size = type == SUBGROUP_PROPERTIES    ? next + 16
                 : type == VULKAN_11_PROPERTIES ? next + 16 + 16 + 16 + 8 + 4 + 4
                                                : NULL;
    if (!size) continue;
    set(size + 4, 0);
    set(size + 8, 0);
  }
}

static Function hooked(const char *name, Function found) {
  if (!found) return found;
  if (strcmp(name, "vkGetPhysicalDeviceProperties") == 0) {
    properties1 = (void (*)(void *, char *))found;
    return (Function)first;
  }
  if (strncmp(name, "vkGetPhysicalDeviceProperties2", 30) == 0 && (name[30] == 0 || strcmp(name + 30, "KHR") == 0)) {
    properties2 = (void (*)(void *, char *))found;
    return (Function)second;
  }
  return found;
}

Function vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
  load();
  return of_device ? hooked(name, of_device(instance, name)) : NULL;
}

Function vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  load();
  if (strcmp(name, "vk_icdGetPhysicalDeviceProcAddr") == 0) return (Function)vk_icdGetPhysicalDeviceProcAddr;
  return of_instance ? hooked(name, of_instance(instance, name)) : NULL;
}

int vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  load();
  if (!driver) return -9;  // VK_ERROR_INCOMPATIBLE_DRIVER
  int (*negotiate)(uint32_t *);
  *(void **)&negotiate = dlsym(driver, "vk_icdNegotiateLoaderICDInterfaceVersion");
  return negotiate ? negotiate(version) : 0;
}
