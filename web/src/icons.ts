// Line icons on a 20-unit grid, drawn here so that no file has to be fetched. All of them are decoration beside words.

const PATHS = {
  back: "M12 4 6 10l6 6",
  plus: "M10 4v12M4 10h12",
  share: "M10 12V3M6.5 6 10 2.8 13.5 6M5 9.5v6.5h10V9.5",
  tunnel: "M3 16v-5a7 7 0 0 1 14 0v5M7.5 16v-4.6a2.5 2.5 0 0 1 5 0V16M2 16h16",
  device: "M6.5 2.5h7v15h-7zM9 15h2",
  eye: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5ZM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  download: "M10 3v9M6.5 9 10 12.4 13.5 9M4 16h12",
  install: "M4 4.5h12v8H4zM7.5 16h5M10 12.5V16M10 6.5v3.4M8.4 8.6 10 10.2l1.6-1.6",
  key: "M6.5 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM9.5 10H18M15 10v3",
  forget: "M8 4H4v12h4M9 10h8M13.5 6.5 17 10l-3.5 3.5",
  delete: "M4 5.5h12M8 5.5V3.5h4v2M5.5 5.5l.8 11h7.4l.8-11M8.6 8.5v5M11.4 8.5v5",
  grip: "M7.5 5h.01M12.5 5h.01M7.5 10h.01M12.5 10h.01M7.5 15h.01M12.5 15h.01",
  close: "M5 5l10 10M15 5 5 15",
  person: "M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM3.8 16.5a6.2 6.2 0 0 1 12.4 0",
  link: "M8.5 11.5a3 3 0 0 0 4.4.2l2.6-2.6a3 3 0 0 0-4.3-4.3l-1 1M11.5 8.5a3 3 0 0 0-4.4-.2l-2.6 2.6a3 3 0 0 0 4.3 4.3l1-1",
} as const;

export type IconName = keyof typeof PATHS;

const SVG = "http://www.w3.org/2000/svg";

export const icon = (name: IconName): SVGSVGElement => {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  svg.classList.toggle("icon-dots", name === "more" || name === "grip");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
};
