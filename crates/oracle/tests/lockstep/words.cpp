// Containers, strings, virtual calls, exceptions and streams. Usage: words ROUNDS
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};
struct Square : Shape {
    double side;
    explicit Square(double s) : side(s) {}
    double area() const override { return side * side; }
};
struct Disc : Shape {
    double radius;
    explicit Disc(double r) : radius(r) {}
    double area() const override { return 3.14159 * radius * radius; }
};

static int risky(int n) {
    if (n % 5 == 0) throw std::runtime_error("five " + std::to_string(n));
    return n * n;
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? std::atoi(argv[1]) : 10;
    std::map<std::string, int> counts;
    std::unordered_map<int, std::string> names;
    std::vector<std::unique_ptr<Shape>> shapes;
    double total = 0;
    for (int r = 0; r < rounds; r++) {
        std::istringstream text("the quick brown fox jumps over the lazy dog while the cat sleeps " + std::to_string(r * 37));
        for (std::string word; text >> word;) counts[word]++;
        names[r] = std::string(r % 40, char('a' + r % 26));
        if (r % 2) shapes.push_back(std::make_unique<Square>(r)); else shapes.push_back(std::make_unique<Disc>(r * 0.5));
        try {
            total += risky(r);
        } catch (const std::exception &e) {
            total += std::string(e.what()).size();
        }
        std::vector<int> v(50);
        std::iota(v.begin(), v.end(), r);
        std::sort(v.begin(), v.end(), [r](int a, int b) { return a * 7919 % (r + 3) < b * 7919 % (r + 3); });
        total += std::accumulate(v.begin(), v.begin() + 10, 0);
    }
    for (const auto &shape : shapes) total += shape->area();
    for (const auto &[word, n] : counts) total += word.size() * n;
    std::cout << total << ' ' << counts.size() << ' ' << names.size() << '\n';
}
