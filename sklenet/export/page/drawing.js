// A drawing: strokes of a mouse, a finger or a pen, and photos. The last mark can be taken back.

const READ_SIDE = 280; // of the hidden picture that is framed, in pixels, whatever the size of the page
const STROKE_LEVEL = 0.2; // of full ink, above which an antialiased pixel belongs to a stroke

/**
 * Make a canvas of the page a drawing.
 *
 * `onChange(event, isFinal)` is called after each change, with the pointer's event or undefined; a change by a pointer
 * that is still down is not final. Points are shares of the side of the canvas.
 */
function makeDrawing(canvas, penWidth, onChange) {
  const shown = canvas.getContext("2d");
  const hidden = Object.assign(document.createElement("canvas"), { width: READ_SIDE, height: READ_SIDE });
  const read = hidden.getContext("2d", { willReadFrequently: true });
  let marks = []; // strokes {points, width}, photos {bitmap, ink} and {isBlank}; the last two hide what came before
  let pointer = null; // the pointer that draws
  let color = "black"; // of the ink that is shown

  function visibleMarks() {
    const start = marks.findLastIndex((mark) => !mark.points);
    return marks.slice(Math.max(start, 0)).filter((mark) => !mark.isBlank);
  }

  function paint(mark, firstPoint = 0) {
    const paper = shown.canvas.width;
    if (mark.bitmap) return paintPhoto(mark.bitmap, paper);
    paintStroke(shown, mark, paper, color, firstPoint);
    paintStroke(read, mark, READ_SIDE, "black", firstPoint);
  }

  function paintPhoto(bitmap, side) {
    const scale = side / Math.max(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    shown.drawImage(bitmap, (side - width) / 2, (side - height) / 2, width, height);
  }

  function repaint() {
    color = getComputedStyle(canvas).color;
    for (const context of [shown, read]) context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    for (const mark of visibleMarks()) paint(mark);
  }

  function change(event) {
    repaint();
    onChange(event, true);
  }

  function toPoint(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    marks.push({ points: [toPoint(event)], width: penWidth() });
    paint(marks.at(-1));
    onChange(event, false);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const stroke = marks.at(-1);
    const first = stroke.points.length;
    const events = event.getCoalescedEvents?.() ?? [];
    stroke.points.push(...(events.length ? events : [event]).map(toPoint));
    paint(stroke, first);
    onChange(event, false);
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      onChange(event, true);
    });
  new ResizeObserver(() => {
    shown.canvas.width = shown.canvas.height = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    repaint();
  }).observe(canvas);

  return {
    repaint,
    undo() {
      if (pointer !== null || !marks.pop()) return;
      change();
    },
    clear() {
      if (pointer !== null || !visibleMarks().length) return;
      marks.push({ isBlank: true });
      change();
    },
    addPhoto(bitmap, ink) {
      marks.push({ bitmap, ink });
      change();
    },
    get canUndo() {
      return marks.length > 0;
    },
    get nMarks() {
      return visibleMarks().length;
    },
    /** Return the levels of the ink from 0 to 1, and which of them belong to strokes. */
    get ink() {
      const { data } = read.getImageData(0, 0, READ_SIDE, READ_SIDE);
      const [levels, strokes] = [new Float64Array(READ_SIDE ** 2), new Uint8Array(READ_SIDE ** 2)];
      for (let index = 0; index < levels.length; index++) {
        levels[index] = data[4 * index + 3] / 255;
        strokes[index] = levels[index] > STROKE_LEVEL;
      }
      for (const { ink } of visibleMarks()) if (ink) addCentred(levels, strokes, ink);
      const plane = (values) => ({ data: values, height: READ_SIDE, width: READ_SIDE });
      return [plane(levels), plane(strokes)];
    },
  };
}

function paintStroke(context, { points, width }, side, color, first) {
  Object.assign(context, { strokeStyle: color, fillStyle: color, lineWidth: width * side, lineCap: "round", lineJoin: "round" });
  context.beginPath();
  if (first === 0) {
    context.arc(points[0][0] * side, points[0][1] * side, (width * side) / 2, 0, 2 * Math.PI); // a dot, where no line follows
    context.fill();
    context.beginPath();
  }
  for (const [x, y] of points.slice(Math.max(first - 1, 0))) context.lineTo(x * side, y * side);
  context.stroke();
}

function addCentred(levels, strokes, { data, height, width }) {
  const corner = Math.floor((READ_SIDE - height) / 2) * READ_SIDE + Math.floor((READ_SIDE - width) / 2);
  data.forEach((level, index) => {
    const place = corner + Math.floor(index / width) * READ_SIDE + (index % width);
    levels[place] = Math.max(levels[place], level);
    if (level > 0) strokes[place] = 1;
  });
}
