"""The status page: what it says (`model`), how it looks (`render`, the template, the style), and pictures as SVG."""
