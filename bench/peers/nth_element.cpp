// C++: std::nth_element. Speaks the protocol of protocol.mjs; knows the task `select` alone.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

static std::vector<float> values, work;
static size_t k = 0;

static void load(std::istringstream& words) {
    std::string task, pair, dir;
    size_t n = 0;
    words >> task;
    while (words >> pair) {
        const auto at = pair.find('=');
        const std::string key = pair.substr(0, at), value = pair.substr(at + 1);
        if (key == "dir") dir = value;
        if (key == "n") n = std::stoul(value);
        if (key == "k") k = std::stoul(value);
    }
    if (task != "select") {
        std::cout << R"({"variants":[]})" << std::endl;
        return;
    }
    values.resize(n);
    std::ifstream(dir + "/x.f32", std::ios::binary).read(reinterpret_cast<char*>(values.data()), n * sizeof(float));
    std::cout << R"({"variants":["nth_element"]})" << std::endl;
}

static void run() { std::nth_element(work.begin(), work.begin() + (k - 1), work.end(), std::greater<float>()); }

static void time_runs(int repetitions) {
    std::cout << R"({"ms":[)";
    for (int i = 0; i < repetitions; ++i) {
        work = values;
        const auto start = std::chrono::steady_clock::now();
        run();
        const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
        std::cout << (i ? "," : "") << spent.count();
    }
    std::cout << "]}" << std::endl;
}

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string command, variant, rest;
        words >> command;
        if (command == "info") {
            std::cout << R"({"versions":{"g++":")" << __VERSION__ << R"("}})" << std::endl;
        } else if (command == "load") {
            load(words);
        } else if (command == "check") {
            words >> variant >> rest;
            work = values;
            run();
            std::ofstream(rest, std::ios::binary).write(reinterpret_cast<const char*>(&work[k - 1]), sizeof(float));
            std::cout << R"({"ok":true})" << std::endl;
        } else {
            words >> variant >> rest;
            time_runs(std::stoi(rest));
        }
    }
}
